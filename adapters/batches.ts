/** What one call to an AWS service may hold: so many items, so many bytes in all. */
export interface BatchLimits {
  items: number;
  bytes: number;
}

/** Splits items into batches within the limits, in order; an item larger than the byte limit stands alone. */
export function toBatches<Item>(
  items: readonly Item[],
  limits: BatchLimits,
  bytesOf: (item: Item) => number,
): Item[][] {
  const batches: Item[][] = [];
  let batch: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (batch.length > 0 && (batch.length === limits.items || bytes + size > limits.bytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Runs `work` on each item, at most `limit` at once; answers in order, rejects with the first failure. */
export async function inParallel<Item, Result>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
