import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { usageOf } from '../../../domain/usage/figures.ts';
import { daysInForce } from '../../../domain/usage/in-force.ts';
import { quotaPeriod } from '../../../domain/usage/period.ts';
import { statementCsv, statementOf } from '../../../domain/usage/statement.ts';
import { talliesOf } from '../../../domain/usage/tally.ts';
import type { Contract } from '../../../schemas/contract.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const price = (amount: number, per: 'event' | 'P1D' | 'P1M') => ({
  minimisation: [],
  price: { amount, currency: 'EUR', per },
});
const activeFrom = (at: string, ...more: Contract['history']): Partial<Contract> => ({
  from: at,
  history: [{ at, by: 'app', from: 'agreed', to: 'active' }, ...more],
});

let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory('2026-03-04T10:00:00.000Z');
});
const hands = (contract: Contract, day: string, count: number, bytes = 100) =>
  mesh.usage.keep(
    talliesOf(
      Array.from({ length: count }, (_, at) => ({
        delivery: `${contract.id} ${day} ${at}`,
        contract,
        day,
        bytes,
      })),
      mesh.now(),
    ),
  );
const asks = (who: string, query: Parameters<typeof usageOf>[2], limit = 50) =>
  usageOf(mesh, given.caller(who), query, { limit });

describe('usage', () => {
  test('tells events, bytes and price of each day, the same to both parties', async () => {
    const contract = await mesh.has('contract', given.contract({ terms: price(0.1, 'event') }));
    hands(contract, '2026-03-02', 3);
    hands(contract, '2026-03-04', 1, 7);
    const seen = await asks('app', { contract: contract.id, by: 'day' });
    expect(seen).toEqual({
      from: '2026-03-01',
      to: '2026-03-04',
      items: [
        {
          contract: contract.id,
          dataset: 'school-air',
          day: '2026-03-02',
          events: 3,
          bytes: 300,
          price: { amount: 0.3, currency: 'EUR' },
        },
        {
          contract: contract.id,
          dataset: 'school-air',
          day: '2026-03-04',
          events: 1,
          bytes: 7,
          price: { amount: 0.1, currency: 'EUR' },
        },
      ],
      next: null,
    });
    expect(await asks('atmo', { contract: contract.id, by: 'day' })).toEqual(seen);
  });

  test('is summed up without by=day, and narrowed by from and to', async () => {
    const contract = await mesh.has('contract', given.contract());
    hands(contract, '2026-02-28', 5);
    hands(contract, '2026-03-01', 2);
    hands(contract, '2026-03-02', 4);
    const { items } = await asks('app', { contract: contract.id, from: '2026-02-28', to: '2026-03-01' });
    expect(items).toEqual([{ contract: contract.id, dataset: 'school-air', events: 7, bytes: 700 }]);
  });

  test('of a contract is not there for anybody else, whatever their role', async () => {
    const { id } = await mesh.has('contract', given.contract());
    for (const roles of [['consumer'], ['operator'], ['dpo']] as const) {
      const call = usageOf(mesh, given.caller('lab', { roles: [...roles] }), { contract: id }, { limit: 1 });
      expect(await problemOf(call)).toMatchObject({ kind: 'not-found' });
    }
  });

  test('without a contract is that of all the caller’s, by pages', async () => {
    const mine = [given.contract(), given.contract({ provider: 'app', consumer: 'lab' })];
    for (const contract of [...mine, given.contract({ consumer: 'lab' })]) {
      await mesh.has('contract', contract);
      hands(contract, '2026-03-03', 2);
    }
    const page = await asks('app', {}, 1);
    const rest = await usageOf(mesh, given.caller('app'), {}, { limit: 5, cursor: page.next ?? '' });
    const found = [...page.items, ...rest.items].map(({ contract, events }) => ({ contract, events }));
    expect(found.map(({ contract }) => contract).sort()).toEqual(mine.map(({ id }) => id).sort());
    expect(found.every(({ events }) => events === 2)).toBe(true);
  });

  describe('by day', () => {
    /** Every item, and how many each page had. */
    const pages = async (query: Parameters<typeof usageOf>[2], limit: number) => {
      const found: { sizes: number[]; items: string[] } = { sizes: [], items: [] };
      let next: string | null | undefined;
      while (next !== null) {
        const cursor = next === undefined ? {} : { cursor: next };
        const page = await usageOf(mesh, given.caller('app'), { by: 'day', ...query }, { limit, ...cursor });
        found.sizes.push(page.items.length);
        found.items.push(...page.items.map(({ contract, day }) => `${contract} ${day}`));
        next = page.next;
      }
      return found;
    };
    const usedDaily = async (count: number, more: Partial<Contract> = {}): Promise<string[]> => {
      const contract = await mesh.has('contract', given.contract(more));
      const days = Array.from({ length: count }, (_, at) =>
        new Date(Date.UTC(2025, 11, 1 + at)).toISOString().slice(0, 10),
      );
      for (const day of days) hands(contract, day, 1);
      return days.map((day) => `${contract.id} ${day}`);
    };
    const span = { from: '2025-12-01', to: '2026-03-01' };

    test('counts days, of one contract as of many, and goes on where it ended', async () => {
      const long = await usedDaily(91);
      expect(await pages({ ...span, contract: long[0]!.split(' ')[0] }, 40)).toEqual({
        sizes: [40, 40, 11],
        items: long,
      });
      const all = [...long, ...(await usedDaily(91, { provider: 'app', consumer: 'lab' }))];
      const found = await pages(span, 40);
      expect(found.items.sort()).toEqual(all.sort());
      expect(Math.max(...found.sizes)).toBe(40);
      expect((await pages(span, 200)).sizes).toEqual([182]);
    });

    test('of any number of contracts tells each day once, and never more than asked for', async () => {
      const all: string[] = [];
      for (const count of [0, 3, 10, 0, 1, 10, 7]) all.push(...(await usedDaily(count)));
      for (const limit of [1, 7, 10, 25, 200]) {
        const { sizes, items } = await pages({ from: '2025-12-01', to: '2025-12-10' }, limit);
        expect([limit, items.sort()]).toEqual([limit, all.sort()]);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
      }
    });

    test('refuses a cursor that it has not given', async () => {
      const { id } = await mesh.has('contract', given.contract());
      for (const query of [
        {},
        { contract: id },
        { by: 'day' as const },
        { by: 'day' as const, contract: id },
      ])
        for (const cursor of ['nonsense', `2026-03-01.${id}.nonsense`])
          expect(
            await problemOf(usageOf(mesh, given.caller('app'), query, { limit: 5, cursor })),
          ).toMatchObject({ kind: 'not-parseable' });
    });
  });

  test.each([
    ['2026-03-02', '2026-03-01'],
    ['2025-01-01', '2026-03-01'],
  ])('refuses the span from %s to %s', async (from, to) => {
    const { id } = await mesh.has('contract', given.contract());
    expect(await problemOf(asks('app', { contract: id, from, to }))).toMatchObject({
      kind: 'not-valid',
      errors: [{ path: '/to' }],
    });
  });
});

describe('a price', () => {
  const amounts = async (contract: Contract, from: string, to: string) => {
    await mesh.has('contract', contract);
    const { items } = await asks('app', { contract: contract.id, by: 'day', from, to });
    return items.map(({ day, price: of }) => `${day} ${of?.amount}`);
  };

  test('for days is due for each day in force, with or without events, and for no day after now', async () => {
    const suspended = { at: '2026-03-02T23:00:00Z', by: 'atmo', from: 'active', to: 'suspended' } as const;
    const resumed = { at: '2026-03-04T09:00:00Z', by: 'atmo', from: 'suspended', to: 'active' } as const;
    const contract = given.contract({
      terms: price(2, 'P1D'),
      ...activeFrom('2026-03-01T12:00:00Z', suspended, resumed),
    });
    hands(contract, '2026-03-01', 3);
    expect(await amounts(contract, '2026-03-01', '2026-03-31')).toEqual([
      '2026-03-01 2',
      '2026-03-02 2',
      '2026-03-04 2',
    ]);
  });

  test('for months is due on the first day in force of each', async () => {
    const contract = given.contract({ terms: price(30, 'P1M'), ...activeFrom('2026-01-20T12:00:00Z') });
    expect(await amounts(contract, '2026-01-01', '2026-03-31')).toEqual([
      '2026-01-20 30',
      '2026-02-01 30',
      '2026-03-01 30',
    ]);
  });

  test('for events stays what it was when they were handed over', async () => {
    const before = given.contract({ terms: price(1, 'event') });
    hands(before, '2026-03-01', 2);
    const now: Contract = { ...before, terms: price(5, 'event') };
    hands(now, '2026-03-02', 2);
    expect(await amounts(now, '2026-03-01', '2026-03-04')).toEqual(['2026-03-01 2', '2026-03-02 10']);
  });

  test('adds up without the errors of binary fractions', async () => {
    const contract = await mesh.has('contract', given.contract({ terms: price(0.1, 'event') }));
    hands(contract, '2026-03-01', 3);
    const { items } = await asks('app', { contract: contract.id });
    expect(items[0]?.price).toEqual({ amount: 0.3, currency: 'EUR' });
  });
});

test('a contract is in force only between its days', () => {
  const contract = given.contract(activeFrom('2026-03-02T00:00:00Z'));
  const days = (more: Partial<Contract>, now: string) => daysInForce({ ...contract, ...more }, new Date(now));
  expect(days({}, '2026-03-01T00:00:00Z')).toEqual([]);
  expect(days({ until: '2026-03-03T12:00:00Z' }, '2026-03-09T00:00:00Z')).toEqual([
    '2026-03-02',
    '2026-03-03',
  ]);
  expect(days({ from: '2026-03-04T00:00:00Z' }, '2026-03-05T00:00:00Z')).toEqual([
    '2026-03-04',
    '2026-03-05',
  ]);
});

describe('a monthly statement', () => {
  test('has every day and their sum; it is final once the month is over', async () => {
    const terms = { ...price(0.25, 'event'), quota: { events: 100, per: 'P1M' as const } };
    const contract = await mesh.has('contract', given.contract({ terms }));
    hands(contract, '2026-02-27', 2);
    hands(contract, '2026-02-28', 2);
    hands(contract, '2026-03-01', 9);
    const statement = await statementOf(mesh, given.caller('atmo'), contract.id, '2026-02');
    expect(statement).toMatchObject({
      contract: contract.id,
      provider: 'atmo',
      consumer: 'app',
      month: '2026-02',
      final: true,
      terms: { quota: { events: 100, per: 'P1M' }, price: { amount: 0.25, per: 'event' } },
      total: { events: 4, bytes: 400, price: { amount: 1, currency: 'EUR' } },
    });
    expect(statement.items.map(({ day }) => day)).toEqual(['2026-02-27', '2026-02-28']);
    expect(await statementOf(mesh, given.caller('app'), contract.id, '2026-02')).toEqual(statement);
    expect((await statementOf(mesh, given.caller('app'), contract.id, '2026-03')).final).toBe(false);
    expect(await problemOf(statementOf(mesh, given.caller('lab'), contract.id, '2026-02'))).toMatchObject({
      kind: 'not-found',
    });
    expect(statementCsv(statement)).toBe(
      [
        'contract,dataset,provider,consumer,day,events,bytes,price,currency',
        `${contract.id},school-air,atmo,app,2026-02-27,2,200,0.5,EUR`,
        `${contract.id},school-air,atmo,app,2026-02-28,2,200,0.5,EUR`,
        `${contract.id},school-air,atmo,app,2026-02,4,400,1,EUR`,
        '',
      ].join('\r\n'),
    );
  });
});

describe('the periods of a quota', () => {
  test('are days and months of UTC: property', () => {
    const instants = fc.date({
      min: new Date('2020-01-01'),
      max: new Date('2040-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, fc.constantFrom('P1D' as const, 'P1M' as const), (at, per) => {
        const contract = { id: 'ctr_1', terms: { minimisation: [], quota: { events: 3, per } } };
        const period = quotaPeriod(contract, at);
        expect(at.toISOString().startsWith(period?.period ?? '-')).toBe(true);
        const last = new Date((period?.ends.getTime() ?? 0) - 1);
        expect(quotaPeriod(contract, last)?.period).toBe(period?.period);
        expect(quotaPeriod(contract, period?.ends ?? at)?.period).not.toBe(period?.period);
      }),
    );
  });
});
