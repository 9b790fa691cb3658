/** A value with the time it was read. */
interface Aged<Value> {
  value: Promise<Value>;
  at: number;
}

/**
 * Remembers what `load` answered for at most `maxAgeMs`, so that promises on freshness bound the number of reads.
 * Failures are not remembered; calls under way are shared; beyond `maxEntries` the oldest goes. `renew` loads anew
 * whatever the age.
 */
export function freshCache<Value>(
  load: (key: string) => Promise<Value>,
  { maxAgeMs, maxEntries = 1000, now }: { maxAgeMs: number; maxEntries?: number; now: () => number },
): (key: string, renew?: 'renew') => Promise<Value> {
  const entries = new Map<string, Aged<Value>>();
  return (key, renew) => {
    const known = entries.get(key);
    if (known && !renew && now() - known.at < maxAgeMs) return known.value;
    const value = load(key);
    entries.delete(key);
    entries.set(key, { value, at: now() });
    value.catch(() => entries.get(key)?.value === value && entries.delete(key));
    if (entries.size > maxEntries) entries.delete(entries.keys().next().value as string);
    return value;
  };
}
