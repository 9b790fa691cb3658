import type { Quotas } from '../../domain/ports.ts';

/** The quotas in memory. */
export function memoryQuotas(): Quotas {
  const counts = new Map<string, number>();
  const nameOf = ({ contract, period }: { contract: string; period: string }): string =>
    `${contract} ${period}`;
  return {
    async take(period, count) {
      const before = counts.get(nameOf(period)) ?? 0;
      const got = Math.max(0, Math.min(count, period.limit - before));
      counts.set(nameOf(period), before + got);
      return got;
    },

    async giveBack(period, count) {
      counts.set(nameOf(period), Math.max(0, (counts.get(nameOf(period)) ?? 0) - count));
    },

    taken: async (period) => counts.get(nameOf(period)) ?? 0,
  };
}
