/**
 * Does the work for each item, each standing for itself: when it throws for one, the others are done all the same, and
 * the first error is thrown at the end. Begins none once `goesOn` says no.
 */
export async function eachApart<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item) => Promise<void>,
  goesOn: () => boolean = () => true,
): Promise<void> {
  const errors: unknown[] = [];
  for await (const item of items) {
    if (!goesOn()) break;
    await work(item).catch((error: unknown) => void errors.push(error));
  }
  if (errors.length > 0) throw errors[0];
}

/** The same items, begun with another one each minute: where time runs out, it does so for all in turn. */
export function fromAnother<Item>(items: readonly Item[], now: Date): Item[] {
  const first = Math.floor(now.getTime() / 60_000) % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}
