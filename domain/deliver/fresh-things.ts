import type { Ref, Registry } from '../ports.ts';

/** The most things that one registry read takes (BatchGetItem). */
const MAX_READ = 100;

/** One thing as it was read, undefined where there is none. */
export interface Known {
  item: unknown;
  /** When its read began, in epoch milliseconds: what that answers may be so old. */
  at: number;
}

/** A read that has not answered yet. */
interface Reading {
  at: number;
  items: Promise<readonly unknown[]>;
  index: number;
}

/** The name of a thing: no two have the same. */
export const nameOf = ({ noun, id }: Ref): string => `${noun} ${id}`;

/**
 * Reads things of the registry, each at most once within `maxAgeMs`, whatever the load: what is known is told, and who
 * asks for what is being read waits for that. Rejects where one cannot be read.
 */
export function freshThings(
  registry: Pick<Registry, 'readAll'>,
  { maxAgeMs, now, maxThings }: { maxAgeMs: number; now: () => number; maxThings: number },
): (refs: Ref[]) => Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  const underWay = new Map<string, Reading>();
  const read = async (some: [string, Ref][], at: number): Promise<void> => {
    const items = registry.readAll(some.map(([, ref]) => ref));
    for (const [index, [name]] of some.entries()) underWay.set(name, { at, items, index });
    try {
      for (const [index, item] of (await items).entries()) known.set(some[index]?.[0] ?? '', { item, at });
    } finally {
      for (const [name] of some) if (underWay.get(name)?.items === items) underWay.delete(name);
    }
  };
  return async (refs) => {
    // The age counts from before the read: what it answers may be that old already.
    const at = now();
    // What is found is held apart from what is known, which another call may empty while this one reads.
    const found = new Map<string, Known>();
    const stale = new Map<string, Ref>();
    const awaited = new Map<string, Reading>();
    for (const ref of refs) {
      const name = nameOf(ref);
      const thing = known.get(name);
      const reading = underWay.get(name);
      if (thing && at - thing.at < maxAgeMs) found.set(name, thing);
      else if (reading && at - reading.at < maxAgeMs) awaited.set(name, reading);
      else stale.set(name, ref);
    }
    if (stale.size + awaited.size === 0) return found;
    if (known.size + stale.size > maxThings) known.clear();
    const wanted = [...stale];
    const reads: Promise<void>[] = [];
    for (let start = 0; start < wanted.length; start += MAX_READ)
      reads.push(read(wanted.slice(start, start + MAX_READ), at));
    for (const name of stale.keys()) awaited.set(name, underWay.get(name) as Reading); // begun just above
    await Promise.all(reads);
    for (const [name, { items, index, at: began }] of awaited)
      found.set(name, { item: (await items)[index], at: began });
    return found;
  };
}
