import type { Erasure } from '../../schemas/erasure.ts';
import { atTimes } from '../clock/round.ts';
import { allItems } from '../control.ts';
import type { DeadLetters, Ledger, Registry } from '../ports.ts';

const DAY_MS = 86_400_000;
/** How often one tick asks the dead letters for more. */
const ASKS = 100;

/** What cleaning the dead letters needs of the world. */
export interface DeadLetterDeps {
  registry: Pick<Registry, 'read' | 'write' | 'list'>;
  ledger: Pick<Ledger, 'read'>;
  deadLetters: DeadLetters;
}

/** What cleaning came to. */
export interface Cleaned {
  removed: number;
  /** Whether every letter that is due to be looked at was; somebody else may hold some. */
  whole: boolean;
}

/**
 * Takes copies of events out of the dead letters that the ledger has no more, because they have expired or were erased:
 * once a day, and at each tick while an erasure is open; again at the next tick where it could not see them all.
 */
export async function cleanDeadLetters(deps: DeadLetterDeps, now: Date): Promise<Cleaned> {
  const open = await allItems((page) => deps.registry.list('erasuresOpen', {}, page));
  if (open.length > 0) return pass(deps, open, now);
  let cleaned: Cleaned = { removed: 0, whole: true };
  await atTimes(deps.registry, { id: 'clean-dead-letters', everyMs: DAY_MS }, now, async () => {
    cleaned = await pass(deps, open, now);
    return cleaned.whole;
  });
  return cleaned;
}

async function pass({ ledger, deadLetters }: DeadLetterDeps, open: Erasure[], now: Date): Promise<Cleaned> {
  const hidden = await deadLetters.held();
  const left: string[] = [];
  let removed = 0;
  let ended = false;
  for (let asked = 0; asked < ASKS && !ended; asked += 1) {
    const letters = await deadLetters.receive();
    ended = letters.length === 0;
    const keys = [...new Set(letters.flatMap(({ copy }) => (copy && 'key' in copy ? [copy.key] : [])))];
    const entries = keys.length === 0 ? [] : await ledger.read(keys, now);
    const kept = new Set(keys.filter((_, index) => entries[index] !== undefined));
    for (const { lease, copy } of letters) {
      if (copy && ('key' in copy ? !kept.has(copy.key) : isErased(copy, open))) {
        await deadLetters.remove(lease);
        removed += 1;
      } else left.push(lease);
    }
  }
  // Where there are more, the next tick shall come to those that follow.
  if (ended) for (const lease of left) await deadLetters.leave(lease);
  return { removed, whole: ended && hidden === 0 };
}

/** What was put on an ingress bus has no key yet, but its publisher's id. */
const isErased = ({ id }: { id: string }, open: Erasure[]): boolean => open.some(({ event }) => event === id);
