import type { Subscription } from '../../schemas/subscription.ts';
import type { Chance } from './retry.ts';
import { takesSeveral } from './together.ts';
import type { Clock, Passages } from '../ports.ts';
import { givePlaces, passing, takeOfMinute, takePlaces } from './turnstile.ts';

/** What a function's way to receivers needs of the world. */
export interface DoorDeps {
  passages: Passages;
  chance: Chance;
  now: Clock;
}

/** A function's way to one receiver, for the deliveries of one batch. */
export interface Door {
  /** How many requests may be open side by side; 0 where other functions have them all. */
  atOnce: number;
  /** Asks for one more request: undefined where it may go, else when it may be tried again. */
  ask: () => Promise<Date | undefined>;
  /** Says that no request is open any more; never fails: what is not given back is given up in time. */
  close: () => Promise<void>;
}

/** From as many on concurrency is counted by each function for itself, which has at most so many of a batch. */
const COUNTED_BELOW = 10;
/** Those who may come in one minute come over so much of it. */
const SPREAD_MS = 45_000;

const ajar: Pick<Door, 'ask' | 'close'> = {
  ask: () => Promise.resolve(undefined),
  close: () => Promise.resolve(),
};

/**
 * Opens the way to a subscription's receiver for so many deliveries. It costs calls only where the receiver allowed a
 * rate, or its consumer wants fewer requests at once than one function may have: those are counted over all functions.
 */
export async function openDoor(
  deps: DoorDeps,
  subscription: Subscription | undefined,
  batch: { count: number; name: string; untilMs: number },
): Promise<Door> {
  if (subscription?.destination.kind !== 'webhook') return { ...ajar, atOnce: Number.POSITIVE_INFINITY };
  const { destination, ownership, circuit } = subscription;
  const rate = ownership?.allowedRate;
  const ask = typeof rate === 'number' ? asker(deps, subscription.id, rate, batch.count) : ajar.ask;
  if (takesSeveral(destination)) return { ...ajar, ask, atOnce: Number.POSITIVE_INFINITY };
  const { concurrency: atOnce } = destination;
  // Of an endpoint that is spared one request is open, its probe.
  if (atOnce >= COUNTED_BELOW || circuit?.state === 'open') return { ...ajar, ask, atOnce };
  const { name, count: wanted, untilMs } = batch;
  const at = deps.now();
  const until = new Date(at.getTime() + untilMs);
  const { got } = await passing(deps.passages, subscription.id, (before) =>
    takePlaces(before, { name, atOnce, wanted, until }, at),
  );
  const close = async (): Promise<void> => {
    if (got === 0) return;
    await passing(deps.passages, subscription.id, (before) => ({ passage: givePlaces(before, name) })).catch(
      () => undefined,
    );
  };
  return { ask, close, atOnce: got };
}

/** Asks for all of a batch at once, when the first of it may go. */
function asker(
  { passages, chance, now }: DoorDeps,
  subscription: string,
  perMinute: number,
  wanted: number,
): Door['ask'] {
  let asked: Promise<{ got: number; later: Date[] }> | undefined;
  let used = 0;
  return async () => {
    asked ??= passing(passages, subscription, (before) => takeOfMinute(before, { perMinute, wanted }, now()));
    const { got, later } = await asked;
    const at = used;
    used += 1;
    if (at < got) return undefined;
    const from = later[at - got] ?? later.at(-1) ?? now();
    return new Date(from.getTime() + SPREAD_MS * chance());
  };
}
