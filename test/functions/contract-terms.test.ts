import { beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { given } from '../given.ts';
import { apiInMemory } from './asking.ts';

let api: Awaited<ReturnType<typeof apiInMemory>>;
beforeEach(async () => {
  api = await apiInMemory();
  const offer = { ...given.datasetRequest().offer, approval: 'provider' };
  await api.ask(api.keys.atmo, 'PUT /v1/datasets/school-air', { ...given.datasetRequest(), offer });
});

const requesting = (more: object = {}) =>
  api.ask(api.keys.app, 'POST /v1/contracts', { dataset: 'school-air', purpose: 'research', ...more });
const clause = (more: object) => ({
  terms: { minimisation: [{ clause: 'a', do: 'drop', path: '/data/x', ...more }] },
});

describe('what the compiler does not know is refused at the door, with its path, and never stored', () => {
  test.each<[string, object, string]>([
    ['a term', { terms: { minimisation: [], loyalty: 1 } }, '/terms/loyalty'],
    ['a purpose', { purpose: 'advertising' }, '/purpose'],
    ['an action', clause({ do: 'blur' }), '/terms/minimisation/0/do'],
    ['an operand', clause({ by: 3 }), '/terms/minimisation/0/by'],
    ['a path', clause({ path: 'data.x' }), '/terms/minimisation/0/path'],
    ['the envelope', clause({ path: '/source' }), '/terms/minimisation/0/path'],
    ['a rotation of nothing', clause({ do: 'pseudonymise', rotate: 'PT0S' }), '/terms/minimisation/0/rotate'],
    ['a month’s rotation', clause({ do: 'pseudonymise', rotate: 'P1M' }), '/terms/minimisation/0/rotate'],
    ['a quota by year', { terms: { quota: { events: 1, per: 'P1Y' } } }, '/terms/quota/per'],
    ['a price by week', { terms: { price: { amount: 1, currency: 'EUR', per: 'P7D' } } }, '/terms/price/per'],
    [
      'a currency',
      { terms: { price: { amount: 1, currency: 'euro', per: 'P1D' } } },
      '/terms/price/currency',
    ],
    ['a member', { purposes: ['research'] }, '/purposes'],
  ])('%s of a request', async (_, more, path) => {
    const { status, json } = await requesting(more);
    expect(status).toBe(422);
    expect(json.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect((await api.ask(api.keys.app, 'GET /v1/contracts')).json.items).toEqual([]);
  });

  test('of an offer, on a contract and on a dataset', async () => {
    const { json: contract } = await requesting();
    const offered = await api.ask(api.keys.atmo, `POST /v1/contracts/${contract.id}/offer`, {
      terms: { minimisation: [], loyalty: 1 },
    });
    expect(offered).toMatchObject({ status: 422, json: { errors: [{ path: '/terms/loyalty' }] } });
    const wrong = { ...given.datasetRequest(), offer: { ...given.datasetRequest().offer, loyalty: 1 } };
    const shared = await api.ask(api.keys.atmo, 'PUT /v1/datasets/other', wrong);
    expect(shared).toMatchObject({ status: 422, json: { errors: [{ path: '/offer/loyalty' }] } });
  });
});

describe('the routes of a negotiation', () => {
  test('offer, accept, extend as the HTTP contract has them', async () => {
    const { json: contract } = await requesting({ until: '2026-06-01T00:00:00Z' });
    const on = (key: string, action: string, body: object) =>
      api.ask(key, `POST /v1/contracts/${contract.id}/${action}`, body);
    const { json: offered } = await on(api.keys.atmo, 'offer', {
      terms: { quota: { events: 5, per: 'P1D' } },
    });
    expect(offered).toMatchObject({ state: 'offered', terms: { quota: { events: 5, per: 'P1D' } } });
    expect((await on(api.keys.app, 'accept', { digest: contract.digest })).status).toBe(409);
    expect((await on(api.keys.app, 'accept', { digest: offered.digest, signature: 'x' })).status).toBe(422);
    expect((await on(api.keys.lab, 'accept', { digest: offered.digest })).status).toBe(404);
    const { json: active } = await on(api.keys.app, 'accept', { digest: offered.digest });
    expect(active.state).toBe('active');
    const { status, json: open } = await on(api.keys.app, 'extend', { until: '2026-09-01T00:00:00Z' });
    expect([status, open.proposed.until]).toEqual([200, '2026-09-01T00:00:00.000Z']);
    const { json: extended } = await on(api.keys.atmo, 'accept', { digest: open.proposed.digest });
    expect(extended.until).toBe('2026-09-01T00:00:00.000Z');
    expect((await on(api.keys.app, 'offer', { terms: {} })).status).toBe(403);
  });

  test('documents in three forms, for the parties', async () => {
    const { json: contract } = await requesting();
    const document = (key: string, accept: string) =>
      api.ask(key, `GET /v1/contracts/${contract.id}/document`, undefined, { accept });
    const json = await document(api.keys.app, 'application/json');
    expect(JSON.parse(json.text ?? '')).toEqual(contract);
    const yaml = await document(api.keys.atmo, 'application/yaml');
    expect(yaml.headers).toMatchObject({ 'content-type': 'application/yaml', vary: 'accept' });
    expect(parse(yaml.text ?? '')).toMatchObject({
      kind: 'DataContract',
      id: contract.id,
      status: 'proposed',
    });
    const odrl = await document(api.keys.dpo, 'application/ld+json');
    expect(JSON.parse(odrl.text ?? '')).toMatchObject({ '@type': 'Agreement' });
    expect((await document(api.keys.lab, 'application/json')).status).toBe(404);
  });
});
