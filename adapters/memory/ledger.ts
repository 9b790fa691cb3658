import { decodeTime } from 'ulid';
import type { AppendResult, Clock, Ledger, LedgerEntry } from '../../domain/ports.ts';
import { isPast } from '../expiry.ts';

const PLACES_PER_PAGE = 500;

/** The ledger in memory. */
export function memoryLedger({ clock = () => new Date() }: { clock?: Clock } = {}): Ledger {
  const entries = new Map<string, LedgerEntry>();
  const erased = new Set<string>();
  const append = (entry: LedgerEntry): AppendResult => {
    const there = entries.get(entry.key);
    if (there && !isPast(there.expires, clock()) && there.sequence !== entry.sequence) {
      if (erased.has(there.sequence)) return 'erased';
      return there.digest === entry.digest ? 'duplicate' : 'conflict';
    }
    entries.set(entry.key, { ...entry });
    return 'accepted';
  };
  return {
    append: async (added) => added.map(append),

    async read(keys, now) {
      return keys.map((key) => {
        const entry = entries.get(key);
        return entry && !isPast(entry.expires, now) && !erased.has(entry.sequence) ? { ...entry } : undefined;
      });
    },

    async *history(dataset, from, to) {
      const places = [...entries.values()]
        .filter((entry) => entry.dataset === dataset && isBetween(decodeTime(entry.sequence), from, to))
        .map(({ key, sequence }) => ({ key, sequence }))
        .sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
      for (let start = 0; start < places.length; start += PLACES_PER_PAGE)
        yield places.slice(start, start + PLACES_PER_PAGE);
    },

    async place(key, now) {
      const entry = entries.get(key);
      if (!entry || isPast(entry.expires, now)) return undefined;
      const { sequence, type, payload } = entry;
      return { sequence, type, erased: erased.has(sequence), ...(payload !== undefined && { payload }) };
    },

    async erase(key, sequence) {
      const entry = entries.get(key);
      if (entry?.sequence !== sequence) return;
      erased.add(sequence);
      entries.set(key, { ...entry, body: '' });
    },

    async remove(places) {
      const there = places.flatMap(({ key, sequence }) => {
        const entry = entries.get(key);
        return entry?.sequence === sequence ? [entry] : [];
      });
      for (const { key } of there) entries.delete(key);
      return { removed: there.length, payloads: there.flatMap(({ payload }) => payload ?? []) };
    },
  };
}

const isBetween = (instant: number, from: Date, to: Date): boolean =>
  instant >= from.getTime() && instant < to.getTime();
