import type { Subscription } from '../../schemas/subscription.ts';
import type { Run } from './circuit.ts';

/** A run whose last failure is so old is not gone on with: much may have arrived by way of other functions. */
const FORGOTTEN_MS = 600_000;
/** For so long a run holds back what follows by itself: by then it is on the subscription, or could not be kept. */
const JUST_MS = 10_000;
/** How many endpoints one function remembers. */
const MOST = 10_000;

/** What one function remembers of the endpoints that it sends to. */
export interface Endpoints {
  /** Counts a failure; answers the run that it belongs to. */
  failed(subscription: Subscription, now: Date): Run;
  arrived(id: string): void;
  /** Whether a run here has reached its end so lately that nobody may know of it yet. */
  hasJustFailed(id: string, now: Date): boolean;
  /** Whether a run that has reached its end has not been told yet. */
  isFirst(id: string): boolean;
  /** It has been told. */
  opened(id: string): void;
  /** Whether the right to the probe of an instant has not been asked for yet. */
  mayAsk(id: string, probeAt: string): boolean;
  asked(id: string, probeAt: string): void;
  /** Asking came to nothing: it may be asked for again. */
  unasked(id: string): void;
}

interface Remembered extends Run {
  last: number;
  told: boolean;
}

/** A memory in which a run has its end at so many failures. */
export function endpointMemory(end: number): Endpoints {
  const runs = new Map<string, Remembered>();
  const probes = new Map<string, string>();
  return {
    failed({ id, circuit }, now) {
      const at = now.getTime();
      if (runs.size >= MOST) runs.clear();
      const known = runs.get(id);
      // What happened to the circuit since was decided by others, who knew more.
      const stale =
        !known || at - known.last > FORGOTTEN_MS || (circuit && Date.parse(circuit.since) > known.last);
      const run = stale
        ? { failures: 1, since: at, last: at, told: false }
        : { ...known, failures: known.failures + 1, last: Math.max(at, known.last) };
      runs.set(id, run);
      return run;
    },
    arrived: (id) => void runs.delete(id),
    hasJustFailed(id, now) {
      const run = runs.get(id);
      return run !== undefined && run.failures >= end && Math.abs(now.getTime() - run.last) < JUST_MS;
    },
    isFirst: (id) => !runs.get(id)?.told,
    opened(id) {
      const run = runs.get(id);
      if (run) run.told = true;
    },
    mayAsk: (id, probeAt) => probes.get(id) !== probeAt,
    asked(id, probeAt) {
      if (probes.size >= MOST) probes.clear();
      probes.set(id, probeAt);
    },
    unasked: (id) => void probes.delete(id),
  };
}
