import type { Usage } from '../../domain/ports.ts';
import type { Tally } from '../../schemas/usage.ts';
import { sumByDay } from '../tallies.ts';

const FOLD_AFTER_MS = 60_000;

/** What contracts gave, in memory; `keep` takes the tallies that are written with deliveries. */
export function memoryUsage(): Usage & { keep: (tallies: Tally[]) => void } {
  const open = new Map<string, Tally>();
  const folded: Tally[] = [];
  return {
    keep: (tallies) => {
      for (const tally of tallies) open.set(tally.id, { ...tally });
    },

    days: async (contract, from, to) =>
      sumByDay(
        [...folded, ...open.values()].filter(
          (tally) => tally.contract === contract && tally.day >= from && tally.day <= to,
        ),
      ),

    async fold(now) {
      const old = [...open.values()].filter(({ at }) => at <= now.getTime() - FOLD_AFTER_MS);
      for (const tally of old) open.delete(tally.id);
      folded.push(...old);
      return old.length;
    },
  };
}
