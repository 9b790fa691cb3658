import { ProblemError } from '../schemas/problem.ts';
import type { Random } from './ids.ts';
import type { Clock, Page, PageRequest, Registry } from './ports.ts';

/** What every change of the registry needs of the world. */
export interface ControlDeps {
  registry: Registry;
  now: Clock;
  random: Random;
}

/** The same answer for what is not there and for what is somebody else's. */
export const absent = (noun: string, id: string): ProblemError =>
  new ProblemError('not-found', `There is no ${noun} ${id}`);

/** Somebody else changed the same thing in the same moment: their change stands. */
export const overtaken = (noun: string, id: string): ProblemError =>
  new ProblemError('conflict', `The ${noun} ${id} was changed in this moment: read it and decide again`);

/** Rounds of reading for one page: a filter that hardly anything passes then answers a short page with a cursor. */
const MAX_ROUNDS = 10;
/** How much a round reads once a first one has shown that few pass: the most that a list gives in a page. */
const ROUND = 200;

/** A page of what passes `keep`, read in rounds. It may be shorter than asked for though more follows. */
export async function filteredPage<Item>(
  read: (page: PageRequest) => Promise<Page<Item>>,
  page: PageRequest,
  keep: (item: Item) => boolean,
): Promise<Page<Item>> {
  const items: Item[] = [];
  let cursor = page.cursor;
  let limit = page.limit;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const fits = page.limit - items.length;
    const found = await read({ limit, ...(cursor !== undefined && { cursor }) });
    const passing = found.items.filter(keep);
    if (passing.length > fits) {
      // Read again as far as they fit: a round's own cursor is where the next page begins.
      limit = found.items.findIndex((item) => item === passing[fits - 1]) + 1;
      continue;
    }
    items.push(...passing);
    if (found.next === null) return { items, next: null };
    cursor = found.next;
    if (items.length === page.limit) break;
    limit = ROUND;
  }
  return { items, next: cursor ?? null };
}

/** As {@link filteredPage}, without a cursor that has nothing behind it: that would tell that something is hidden there. */
export async function tightPage<Item>(
  read: (page: PageRequest) => Promise<Page<Item>>,
  page: PageRequest,
  keep: (item: Item) => boolean,
): Promise<Page<Item>> {
  const found = await filteredPage(read, page, keep);
  if (found.next === null) return found;
  const behind = await filteredPage(read, { limit: 1, cursor: found.next }, keep);
  return { ...found, next: behind.items.length === 0 && behind.next === null ? null : found.next };
}

/** All items of a list at once: for who changes what is listed, or has to order it. */
export const allItems = <Item>(read: (page: PageRequest) => Promise<Page<Item>>): Promise<Item[]> =>
  Array.fromAsync(everyItem(read));

/** Every item of a list, page by page. */
export async function* everyItem<Item>(
  read: (page: PageRequest) => Promise<Page<Item>>,
): AsyncIterable<Item> {
  let cursor: string | undefined;
  do {
    const page = await read({ limit: 200, ...(cursor !== undefined && { cursor }) });
    yield* page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
