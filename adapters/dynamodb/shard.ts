/** How many partitions an index spreads one dataset's day, one subscription or all due items over. */
export const SHARDS = 4;

/** The shards, by number. */
export const SHARD_NUMBERS = Array.from({ length: SHARDS }, (_, shard) => shard);

/** The shard of a key or id whose last characters are spread evenly: hashes, and the random part of a ULID. */
export function shardOf(key: string): number {
  let sum = 0;
  for (let at = Math.max(0, key.length - 4); at < key.length; at++) sum += key.charCodeAt(at);
  return sum % SHARDS;
}
