import { ulid } from 'ulid';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Deliveries, Usage } from '../../domain/ports.ts';
import type { Tally } from '../../schemas/usage.ts';
import { deliveryOf } from './deliveries.conformance.ts';

const NOW = new Date('2026-03-04T12:00:00.000Z');
const MINE = `ctr_${ulid(1)}`;
const OTHER = `ctr_${ulid(2)}`;
const LATER = new Date(NOW.getTime() + 61_000);
let made = 0;

const tally = (changes: Partial<Tally> = {}): Tally => ({
  id: `tly_${String((made += 1)).padStart(43, '0')}`,
  contract: MINE,
  day: '2026-03-04',
  events: 2,
  bytes: 100,
  charge: 30_000,
  at: NOW.getTime(),
  ...changes,
});

/** What every store of usage does; `make` gives an empty one with the deliveries that its tallies are written with. */
export function usageConformance(
  name: string,
  make: (clock: () => Date) => Promise<{ deliveries: Deliveries; usage: Usage }>,
): void {
  describe(`${name}: usage`, () => {
    let deliveries: Deliveries;
    let usage: Usage;
    beforeEach(async () => {
      ({ deliveries, usage } = await make(() => NOW));
    });
    const march = (contract = MINE) => usage.days(contract, '2026-03-01', '2026-03-31');

    test('has no figures of what gave nothing', async () => {
      expect(await march()).toEqual([]);
      expect(await usage.fold(LATER)).toBe(0);
    });

    test('adds up a contract’s tallies by day, in order, and nobody else’s', async () => {
      const delivery = deliveryOf(0);
      await deliveries.write([delivery], [tally({ day: '2026-03-05' }), tally()]);
      await deliveries.write([deliveryOf(1)], [tally({ bytes: 11 }), tally({ contract: OTHER, events: 9 })]);
      expect(await march()).toEqual([
        { day: '2026-03-04', events: 4, bytes: 111, charge: 60_000 },
        { day: '2026-03-05', events: 2, bytes: 100, charge: 30_000 },
      ]);
      expect(await usage.days(MINE, '2026-03-05', '2026-03-05')).toHaveLength(1);
      expect(await deliveries.read([delivery.id])).toEqual([delivery]);
    });

    test('tells the same before and after folding, and folds nothing twice', async () => {
      const tallies = Array.from({ length: 120 }, (_, index) =>
        tally({ day: index % 3 === 0 ? '2026-03-03' : '2026-03-04', events: index }),
      );
      for (let start = 0; start < tallies.length; start += 20)
        await deliveries.write([], tallies.slice(start, start + 20));
      const before = await march();
      expect(await usage.fold(LATER)).toBe(120);
      expect(await march()).toEqual(before);
      expect(await usage.fold(LATER)).toBe(0);
      await deliveries.write([], [tally({ events: 1, bytes: 0, charge: 0 })]);
      expect((await march()).reduce((sum, { events }) => sum + events, 0)).toBe((119 * 120) / 2 + 1);
    });

    test('leaves young tallies: what is written again within a minute counts once', async () => {
      const one = tally();
      await deliveries.write([], [one]);
      expect(await usage.fold(NOW)).toBe(0);
      await deliveries.write([], [one]);
      expect(await march()).toEqual([{ day: '2026-03-04', events: 2, bytes: 100, charge: 30_000 }]);
      expect(await usage.fold(LATER)).toBe(1);
    });

    test('folds once when two fold at the same time', async () => {
      await deliveries.write(
        [],
        Array.from({ length: 20 }, () => tally()),
      );
      await Promise.all([usage.fold(LATER), usage.fold(LATER), march()]);
      await usage.fold(LATER);
      expect(await march()).toEqual([{ day: '2026-03-04', events: 40, bytes: 2000, charge: 600_000 }]);
    });

    test('keeps tallies out of what is due and what is listed', async () => {
      await deliveries.write([deliveryOf(0)], [tally()]);
      for await (const page of deliveries.due(LATER)) expect(page).toEqual([]);
      const { items } = await deliveries.list(deliveryOf(0).subscription, {}, { limit: 10 });
      expect(items).toHaveLength(1);
    });
  });
}
