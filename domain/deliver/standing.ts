import type { DeliveryMessage, Noun, Nouns, Ref, Registry } from '../ports.ts';
import type { Standing } from './verdict.ts';

/** Names what a verdict reads; the rule's input transformer stamps it on each message. */
export type StandingRefs = DeliveryMessage['subscription'];

/** The most things that one registry read takes (BatchGetItem). */
const MAX_READ = 100;

/** Reads standings that are never older than promised. */
export interface StandingReader {
  /** Reads whatever is stale of all these in one call per 100 things. */
  prefetch(refs: StandingRefs[]): Promise<void>;
  /** The standing of one; rejects when it cannot be read: unreadable means hold. */
  read(refs: StandingRefs): Promise<Standing>;
}

/**
 * Reads standings, strongly consistent and at most `maxAgeMs` old. Things are remembered one by one, so that a
 * contract with many subscriptions is read once per `maxAgeMs`, whatever the load.
 */
export function standingReader(
  registry: Pick<Registry, 'readAll'>,
  { maxAgeMs, now, maxThings = 20_000 }: { maxAgeMs: number; now: () => number; maxThings?: number },
): StandingReader {
  const known = new Map<string, { item: unknown; at: number }>();
  const load = async (refs: StandingRefs[]): Promise<void> => {
    // The age counts from before the read: what it answers may be that old already.
    const at = now();
    const wanted = new Map(refs.flatMap(thingsOf).map((ref) => [nameOf(ref), ref]));
    const stale = [...wanted].filter(
      ([name]) => at - (known.get(name)?.at ?? Number.NEGATIVE_INFINITY) >= maxAgeMs,
    );
    if (known.size + stale.length > maxThings) known.clear();
    for (let start = 0; start < stale.length; start += MAX_READ) {
      const some = stale.slice(start, start + MAX_READ);
      const items = await registry.readAll(some.map(([, ref]) => ref));
      for (const [index, [name]] of some.entries()) known.set(name, { item: items[index], at });
    }
  };
  // What is stored under a name was read as that noun.
  const item = <N extends Noun>(noun: N, id: string) =>
    known.get(nameOf({ noun, id }))?.item as Nouns[N] | undefined;
  return {
    prefetch: load,
    async read(refs) {
      await load([refs]);
      return {
        subscription: item('subscription', refs.id),
        contract: item('contract', refs.contract),
        dataset: item('dataset', refs.dataset),
        provider: item('participant', refs.provider),
        consumer: item('participant', refs.consumer),
      };
    },
  };
}

const nameOf = ({ noun, id }: Ref): string => `${noun} ${id}`;

const thingsOf = (refs: StandingRefs): Ref[] => [
  { noun: 'subscription', id: refs.id },
  { noun: 'contract', id: refs.contract },
  { noun: 'dataset', id: refs.dataset },
  { noun: 'participant', id: refs.provider },
  { noun: 'participant', id: refs.consumer },
];
