import { bindingAt } from '../contracts/due.ts';
import type { DeliveryMessage, Noun, Nouns, Ref, Registry } from '../ports.ts';
import { freshThings, type Known, nameOf } from './fresh-things.ts';
import type { Standing } from './verdict.ts';

/** Names what a verdict reads; the rule's input transformer stamps it on each message. */
export type StandingRefs = DeliveryMessage['subscription'] & { replay?: string };

/** Reads standings that are never older than promised. */
export interface StandingReader {
  /** Reads whatever is stale of all these in one call per 100 things. */
  prefetch(refs: StandingRefs[]): Promise<void>;
  /** The standing of one; rejects when it cannot be read: unreadable means hold. */
  read(refs: StandingRefs): Promise<Standing>;
}

/** What one answer of the registry may take: a slower one counts as no answer, and is asked again. */
const SLOWEST_READ_MS = 1000;
const TRIES = 3;

/**
 * Reads standings, strongly consistent and at most `maxAgeMs` old. Things are remembered one by one, so that a
 * contract with many subscriptions is read once per `maxAgeMs`, whatever the load.
 */
export function standingReader(
  registry: Pick<Registry, 'readAll'>,
  { maxAgeMs, now, maxThings = 20_000 }: { maxAgeMs: number; now: () => number; maxThings?: number },
): StandingReader {
  const things = freshThings(registry, { maxAgeMs, now, maxThings });
  // A batch has many messages of one subscription: what they found together is not looked up thing by thing.
  const whole = new Map<string, { standing: Standing; oldest: number }>();
  const fresh = (refs: StandingRefs): Standing | undefined => {
    const kept = whole.get(wholeName(refs));
    return kept && now() - kept.oldest < maxAgeMs ? kept.standing : undefined;
  };
  return {
    async prefetch(refs) {
      await things(refs.filter((one) => !fresh(one)).flatMap(thingsOf));
    },
    async read(refs) {
      const kept = fresh(refs);
      if (kept) return kept;
      for (let tried = 0; tried < TRIES; tried += 1) {
        const found = await things(thingsOf(refs));
        const oldest = Math.min(...[...found.values()].map(({ at }) => at));
        const asked = now();
        if (oldest < asked - Math.max(maxAgeMs, SLOWEST_READ_MS)) continue;
        const standing = standingIn(found, refs, new Date(asked));
        if (whole.size >= maxThings) whole.clear();
        // Terms that are to change bind from an instant on, so that such a standing holds for this one only.
        if (!standing.contract?.termsChange) whole.set(wholeName(refs), { standing, oldest });
        return standing;
      }
      throw new Error('the registry is too slow for what it says to stand');
    },
  };
}

function standingIn(found: Map<string, Known>, refs: StandingRefs, now: Date): Standing {
  // What is found under a name was read as that noun.
  const item = <N extends Noun>(noun: N, id: string) =>
    found.get(nameOf({ noun, id }))?.item as Nouns[N] | undefined;
  const contract = item('contract', refs.contract);
  return {
    subscription: item('subscription', refs.id),
    // A changed offer binds from its instant on, not from when the clock writes it down.
    contract: contract?.termsChange ? bindingAt(contract, now) : contract,
    dataset: item('dataset', refs.dataset),
    provider: item('participant', refs.provider),
    consumer: item('participant', refs.consumer),
    replay: refs.replay === undefined ? undefined : item('replay', refs.replay),
    erased: item('erased', refs.dataset),
  };
}

const wholeName = ({ id, contract, dataset, provider, consumer, replay = '' }: StandingRefs): string =>
  `${id} ${contract} ${dataset} ${provider} ${consumer} ${replay}`;

const thingsOf = (refs: StandingRefs): Ref[] => [
  { noun: 'subscription', id: refs.id },
  { noun: 'contract', id: refs.contract },
  { noun: 'dataset', id: refs.dataset },
  { noun: 'participant', id: refs.provider },
  { noun: 'participant', id: refs.consumer },
  ...(refs.replay === undefined ? [] : [{ noun: 'replay', id: refs.replay } as const]),
  { noun: 'erased', id: refs.dataset },
];
