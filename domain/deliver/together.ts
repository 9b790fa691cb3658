import type { Destination } from '../../schemas/subscription.ts';
import type { Clock, HandedParcel, Handover, HandOver, Parcel } from '../ports.ts';

/** How long making a parcel may take after its verdict; longer, and the verdict is asked anew. */
export const PREPARED_WITHIN_MS = 500;

/** A parcel that is ready to go. */
export interface Ready extends Pick<Handover, 'destination' | 'signing'> {
  parcel: Parcel;
  /** When its verdict was given. */
  judgedAt: Date;
  /** Whether it was tried before. */
  again: boolean;
}

/** What came back, and when it was asked; `late` when the verdict had become too old, and nothing was sent. */
export type Handed = (HandedParcel & { at: Date }) | 'late';

/** The place of one delivery among those of its subscription. */
export interface Seat {
  hand: (ready: Ready) => Promise<Handed>;
  /** Says that nothing more is to be waited for from here. */
  leave: () => void;
}

interface HandingDeps {
  handOver: HandOver;
  now: Clock;
}

interface Waiting {
  ready: Ready;
  leaves: () => void;
  settle: (handed: Handed) => void;
  fail: (error: unknown) => void;
}

/**
 * Seats for the `count` deliveries that one invocation has for one subscription. Where its destination takes several at
 * once, their parcels go together when the last one is ready; where it does not, each goes at once.
 */
export function seats(deps: HandingDeps, count: number): () => Seat {
  let awaited = count;
  const waiting: Waiting[] = [];
  const goWhenAll = (): void => {
    if (waiting.length === 0 || waiting.length < awaited) return;
    const all = waiting.splice(0);
    for (const { leaves } of all) leaves();
    // A destination that was changed meanwhile is another one.
    for (const some of Map.groupBy(all, ({ ready }) => ready.destination).values()) void go(deps, some);
  };
  return () => {
    let seated = true;
    const leaves = (): void => {
      if (seated) awaited -= 1;
      seated = false;
    };
    const leave = (): void => {
      leaves();
      goWhenAll();
    };
    return {
      leave,
      hand(ready) {
        if (goesWithOthers(ready))
          return new Promise((settle, fail) => {
            waiting.push({ ready, leaves, settle, fail });
            goWhenAll();
          });
        leave();
        return handNow(deps, [ready]).then(([handed = 'late']) => handed);
      },
    };
  };
}

/** Whether a destination takes several events in one request. */
export const takesSeveral = (destination: Destination): boolean =>
  destination.kind === 'webhook' ? destination.mode === 'batch' : true;

/**
 * Whether a parcel waits for the others. In a batch for a webhook one bad event fails all: what failed goes alone from
 * then on, and under its own id.
 */
const goesWithOthers = ({ destination, again }: Ready): boolean =>
  takesSeveral(destination) && !(destination.kind === 'webhook' && again);

async function go(deps: HandingDeps, some: Waiting[]): Promise<void> {
  try {
    const handed = await handNow(
      deps,
      some.map(({ ready }) => ready),
    );
    for (const [index, { settle }] of some.entries()) settle(handed[index] ?? 'late');
  } catch (error) {
    for (const { fail } of some) fail(error);
  }
}

/** Hands over those whose verdict still stands; `late` in the place of each other one. */
async function handNow({ handOver, now }: HandingDeps, all: Ready[]): Promise<Handed[]> {
  const at = now();
  const inTime = all.filter(({ judgedAt }) => at.getTime() - judgedAt.getTime() <= PREPARED_WITHIN_MS);
  const [first] = inTime;
  if (!first) return all.map(() => 'late');
  const { destination, signing } = first;
  const handed = await handOver({ destination, signing, at, parcels: inTime.map(({ parcel }) => parcel) });
  return all.map((ready) => {
    const place = inTime.indexOf(ready);
    if (place < 0) return 'late';
    const one = handed[place];
    if (!one) throw new Error('a parcel was handed over, and nothing was said of it');
    return { ...one, at };
  });
}
