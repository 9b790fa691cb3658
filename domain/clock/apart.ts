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

/**
 * The same items, one of each owner at a time, and each minute another owner and another of its items first: where time
 * runs out, it does so for all in turn, and whose items are many come no sooner than others.
 */
export function inTurn<Item>(items: readonly Item[], ownerOf: (item: Item) => string, now: Date): Item[] {
  const owners = [...Map.groupBy(items, ownerOf).values()];
  const minute = Math.floor(now.getTime() / 60_000);
  // An owner comes first once in so many minutes: then with the item behind the one it had first before.
  const round = Math.floor(minute / Math.max(1, owners.length));
  return from(owners, minute)
    .flatMap((own) => from(own, round).map((item, turn) => ({ item, turn })))
    .sort((one, other) => one.turn - other.turn)
    .map(({ item }) => item);
}

function from<Item>(items: readonly Item[], place: number): Item[] {
  const first = place % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}
