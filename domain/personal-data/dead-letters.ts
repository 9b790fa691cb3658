import type { Erasure } from '../../schemas/erasure.ts';
import { atTimes } from '../clock/round.ts';
import type { DeadLetter, DeadLetters, Ledger, Registry } from '../ports.ts';

const DAY_MS = 86_400_000;
/** How often one tick asks the dead letters for more. */
const ASKS = 100;

/** What cleaning the dead letters needs of the world. */
export interface DeadLetterDeps {
  registry: Pick<Registry, 'read' | 'write' | 'list'>;
  ledger: Pick<Ledger, 'read'>;
  deadLetters: DeadLetters;
}

/**
 * Takes copies of events out of the dead letters that the ledger has no more, because they have expired or were erased:
 * once a day, and at each tick while an erasure is open. Answers how many.
 */
export async function cleanDeadLetters(deps: DeadLetterDeps, now: Date): Promise<number> {
  let removed = 0;
  const { items } = await deps.registry.list('erasuresOpen', {}, { limit: 200 });
  const clean = async (): Promise<void> => {
    removed = await pass(deps, items, now);
  };
  if (items.length > 0) await clean();
  else await atTimes(deps.registry, { id: 'clean-dead-letters', everyMs: DAY_MS }, now, clean);
  return removed;
}

async function pass({ ledger, deadLetters }: DeadLetterDeps, open: Erasure[], now: Date): Promise<number> {
  let removed = 0;
  for (let asked = 0; asked < ASKS; asked += 1) {
    const letters = await deadLetters.receive();
    if (letters.length === 0) break;
    const keys = [...new Set(letters.flatMap(({ copy }) => ('key' in copy ? [copy.key] : [])))];
    const entries = keys.length === 0 ? [] : await ledger.read(keys, now);
    const kept = new Set(keys.filter((_, index) => entries[index] !== undefined));
    const gone = letters.filter(({ copy }) => ('key' in copy ? !kept.has(copy.key) : isErased(copy, open)));
    for (const { lease } of gone) await deadLetters.remove(lease);
    removed += gone.length;
  }
  return removed;
}

/** What was put on an ingress bus has no key yet, but its publisher's id. */
const isErased = (copy: Extract<DeadLetter['copy'], { id: string }>, open: Erasure[]): boolean =>
  open.some(({ event }) => event === copy.id);
