import type { Round } from '../../schemas/round.ts';
import type { Page, PageRequest, Registry } from '../ports.ts';

/** How a round is done. */
export interface RoundPlan<Item> {
  /** Its name, under which its place is kept. */
  id: string;
  /** How long after the beginning of one round the next begins. */
  everyMs: number;
  read: (page: PageRequest) => Promise<Page<Item>>;
  /** How many items one tick takes. */
  perTick: number;
  /** Does some items; false when there was more to do than one tick should, so that they come again. */
  work: (items: Item[]) => Promise<boolean>;
}

/**
 * Does the next part of a round, if there is one: one read when nothing is due, at most one page of the list else.
 * Answers whether the round is at its end. `now` is an input: a round begun in what is the future by now begins anew.
 */
export async function nextPart<Item>(
  registry: Pick<Registry, 'read' | 'write'>,
  plan: RoundPlan<Item>,
  now: Date,
): Promise<boolean> {
  const before = await registry.read('round', plan.id);
  const current = under(before, plan, now);
  if (!current) return true;
  const page = await plan.read({
    limit: plan.perTick,
    ...(current.cursor !== undefined && { cursor: current.cursor }),
  });
  const whole = await plan.work(page.items);
  const { cursor: here, ...rest } = current;
  const cursor = whole ? (page.next ?? undefined) : (here ?? FROM_THE_START);
  const item: Round = { ...rest, ...(cursor !== undefined && { cursor }) };
  await registry.write([
    before ? { do: 'replace', noun: 'round', before, item } : { do: 'create', noun: 'round', item },
  ]);
  return cursor === undefined;
}

/** Stands for the cursor of a round that has not got past its first page. */
const FROM_THE_START = '-';

function under(
  known: Round | undefined,
  { id, everyMs }: { id: string; everyMs: number },
  now: Date,
): Round | undefined {
  const since = known === undefined ? Number.POSITIVE_INFINITY : now.getTime() - Date.parse(known.began);
  const fresh: Round = { id, began: now.toISOString() };
  if (!known || since < 0) return fresh;
  if (known.cursor === FROM_THE_START) return { id, began: known.began };
  if (known.cursor !== undefined) return known;
  return since >= everyMs ? fresh : undefined;
}

/**
 * Does something whole, at most once in so long; one read when its time has not come. What answers false is done again at
 * the next tick.
 */
export const atTimes = (
  registry: Pick<Registry, 'read' | 'write'>,
  { id, everyMs }: { id: string; everyMs: number },
  now: Date,
  work: () => Promise<unknown>,
): Promise<boolean> =>
  nextPart<never>(
    registry,
    {
      id,
      everyMs,
      perTick: 1,
      read: () => Promise.resolve({ items: [], next: null }),
      work: async () => (await work()) !== false,
    },
    now,
  );
