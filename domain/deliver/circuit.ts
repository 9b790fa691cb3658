import { milliseconds } from '../../schemas/duration.ts';
import type { Circuit, Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';

/** What a territory says of circuits. */
export type CircuitPlan = Pick<Territory, 'circuitFailures' | 'probeEvery' | 'probeAtMost'>;

/** Failures in a row, as one function saw them. */
export interface Run {
  failures: number;
  /** When the first of them was, epoch milliseconds. */
  since: number;
}

/** A circuit that opens: nothing but probes goes from now on, the first when the receiver itself allows it. */
export const opened = (plan: CircuitPlan, askedMs: number, now: Date): Circuit => ({
  state: 'open',
  since: now.toISOString(),
  probes: 0,
  probeAt: at(now, Math.max(milliseconds(plan.probeEvery), askedMs)),
  portion: 0,
});

/** Whether an endpoint that is spared may be sent a probe. */
export const mayProbe = ({ circuit }: Pick<Subscription, 'circuit'>, now: Date): boolean =>
  circuit?.state === 'open' && Date.parse(circuit.probeAt) <= now.getTime();

/**
 * The circuit once somebody sends a probe: nobody else does before the next one is due, which is twice as far away each
 * time. Written before the probe is sent, so that of all functions one sends it.
 */
export function probing(circuit: Circuit, plan: CircuitPlan, now: Date): Circuit {
  const wait = milliseconds(plan.probeEvery) * 2 ** Math.min(circuit.probes + 1, 20);
  const capped = Math.max(milliseconds(plan.probeEvery), Math.min(wait, milliseconds(plan.probeAtMost)));
  return { ...circuit, probes: circuit.probes + 1, probeAt: at(now, capped) };
}

/** The circuit after a probe that failed: it stays open, for as long as the receiver asks where that is longer. */
export const probeFailed = (circuit: Circuit, askedMs: number, now: Date): Circuit => ({
  ...circuit,
  probeAt: later(circuit.probeAt, at(now, askedMs)),
});

/** The circuit once its endpoint is well, or its owner says so: what waits goes, in portions that begin small. */
export const draining = (circuit: Circuit, now: Date): Circuit => ({
  ...circuit,
  state: 'draining',
  since: now.toISOString(),
  probes: 0,
  portion: 0,
});

const at = (now: Date, ms: number): string => new Date(now.getTime() + ms).toISOString();
const later = (one: string, other: string): string => (one > other ? one : other);
