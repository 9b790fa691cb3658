import { parse } from 'csv-parse/sync';
import { beforeEach, describe, expect, test } from 'vitest';
import { talliesOf } from '../../domain/usage/tally.ts';
import { reasonOf } from '../../functions/work.ts';
import { given } from '../given.ts';
import { apiInMemory } from './asking.ts';

let api: Awaited<ReturnType<typeof apiInMemory>>;
let contract: ReturnType<typeof given.contract>;
beforeEach(async () => {
  api = await apiInMemory();
  const terms = { minimisation: [], price: { amount: 0.5, currency: 'EUR', per: 'event' as const } };
  contract = await api.mesh.has('contract', given.contract({ terms }));
  for (const day of ['2026-02-27', '2026-02-28', '2026-03-01']) {
    api.mesh.usage.keep(talliesOf([{ delivery: day, contract, day, bytes: 10 }], api.mesh.now()));
  }
});

const days = async (query: string): Promise<string[]> => {
  const answer = await api.ask(api.keys.app, `GET /v1/usage?contract=${contract.id}&by=day${query}`);
  expect(answer.status).toBe(200);
  return answer.json.items.map(({ day }: { day: string }) => day);
};

describe('GET /v1/usage', () => {
  test('takes days, both included, or instants, the last one not', async () => {
    expect(await days('')).toEqual(['2026-03-01']);
    expect(await days('&from=2026-02-27&to=2026-02-28')).toEqual(['2026-02-27', '2026-02-28']);
    expect(await days('&from=2026-02-27T12:00:00Z&to=2026-02-28T00:00:00Z')).toEqual(['2026-02-27']);
  });

  test.each(['contract=ctr_x', 'by=hour', 'from=yesterday', 'from=2026-02-30'])(
    'refuses ?%s',
    async (query) => {
      const answer = await api.ask(api.keys.app, `GET /v1/usage?${query}`);
      expect(answer.status).toBe(422);
      expect(answer.json.errors).toMatchObject([{ path: `/${query.split('=')[0] ?? ''}` }]);
    },
  );
});

describe('GET /v1/usage/statement', () => {
  const path = (month: string) => `GET /v1/usage/statement?contract=${contract.id}&month=${month}`;

  test('is CSV for who asks for it, and says the same as JSON', async () => {
    const { json } = await api.ask(api.keys.app, path('2026-02'));
    const csv = await api.ask(api.keys.atmo, path('2026-02'), undefined, { accept: 'text/csv' });
    expect(csv.headers['content-type']).toContain('text/csv');
    const rows: Record<string, string>[] = parse(csv.text ?? '', { columns: true });
    expect(rows.map(({ day, events, price }) => [day, events, price])).toEqual([
      ['2026-02-27', '1', '0.5'],
      ['2026-02-28', '1', '0.5'],
      ['2026-02', '2', '1'],
    ]);
    expect(json.total).toEqual({ events: 2, bytes: 20, price: { amount: 1, currency: 'EUR' } });
  });

  test.each(['2026-13', '2026-2', 'february'])('refuses the month %s', async (month) => {
    expect((await api.ask(api.keys.app, path(month))).status).toBe(422);
  });
});

test('GET /v1/explain needs an event and a subscription', async () => {
  const answer = await api.ask(api.keys.app, 'GET /v1/explain?source=//test/atmo&subscription=sub_1');
  expect(answer.status).toBe(422);
  expect(answer.json.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
    '/id',
    '/subscription',
  ]);
});

test('a log never quotes what could not be read', () => {
  const error = (() => {
    try {
      return JSON.parse('Mme Martin') as Error;
    } catch (thrown) {
      return thrown as Error;
    }
  })();
  expect(error.message).toContain('Martin');
  expect(reasonOf(error)).not.toContain('Martin');
  expect(reasonOf(new Error('no key whsec_abc'))).toBe('no key whsec_***');
});
