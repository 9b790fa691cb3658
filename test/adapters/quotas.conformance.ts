import fc from 'fast-check';
import { ulid } from 'ulid';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Quotas } from '../../domain/ports.ts';
import type { QuotaPeriod } from '../../schemas/usage.ts';

const MINE = `ctr_${ulid(1)}`;

const period = (limit: number, more: Partial<QuotaPeriod> = {}): QuotaPeriod => ({
  contract: MINE,
  period: '2026-03-04',
  limit,
  ends: new Date('2099-03-05T00:00:00Z'),
  ...more,
});

/** What every count of quotas does; `make` gives an empty one. */
export function quotasConformance(name: string, make: () => Promise<Quotas>): void {
  describe(`${name}: quotas`, () => {
    let quotas: Quotas;
    beforeEach(async () => {
      quotas = await make();
    });

    test('give what is left, to the last one', async () => {
      expect(await quotas.take(period(5), 3)).toBe(3);
      expect(await quotas.take(period(5), 3)).toBe(2);
      expect(await quotas.take(period(5), 3)).toBe(0);
      expect(await quotas.taken(period(5))).toBe(5);
    });

    test('are one for each contract and period', async () => {
      expect(await quotas.take(period(1), 1)).toBe(1);
      expect(await quotas.take(period(1, { period: '2026-03-05' }), 1)).toBe(1);
      expect(await quotas.take(period(1, { period: '2026-03' }), 1)).toBe(1);
      expect(await quotas.take(period(1, { contract: `ctr_${ulid(2)}` }), 1)).toBe(1);
      expect(await quotas.take(period(1), 1)).toBe(0);
    });

    test('give again what was given back, and no more', async () => {
      await quotas.take(period(8), 8);
      await quotas.giveBack(period(8), 3);
      expect(await quotas.taken(period(8))).toBe(5);
      expect(await quotas.take(period(8), 10)).toBe(3);
    });

    test.each([
      [7, 3],
      [4003, 1000],
    ])('never give more than %i to many at once', async (limit, each) => {
      const got = await Promise.all(Array.from({ length: 9 }, () => quotas.take(period(limit), each)));
      const sum = got.reduce((total, one) => total + one, 0);
      expect(sum).toBe(Math.min(limit, 9 * each));
      expect(await quotas.taken(period(limit))).toBe(sum);
    });

    test('count what is taken when the limit changes within a period', async () => {
      let run = 0;
      const step = fc.tuple(fc.constantFrom(3, 50, 4000, 4002, 9000), fc.integer({ min: 1, max: 5000 }));
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
          const id = `run ${(run += 1)}`;
          let taken = 0;
          for (const [limit, count] of steps) {
            const got = await quotas.take(period(limit, { period: id }), count);
            expect(got).toBe(Math.max(0, Math.min(count, limit - taken)));
            taken += got;
          }
        }),
        { numRuns: 10 },
      );
    });
  });
}
