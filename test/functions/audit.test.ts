import { beforeEach, describe, expect, test } from 'vitest';
import { ROUTES } from '../../functions/api/routes.ts';
import { given } from '../given.ts';
import { apiInMemory } from './asking.ts';

let api: Awaited<ReturnType<typeof apiInMemory>>;
beforeEach(async () => {
  api = await apiInMemory();
});
const audit = async (query = '') => (await api.ask(api.keys.dpo, `GET /v1/audit${query}`)).json.items;
const shared = (approval: 'automatic' | 'provider') => {
  const offer = { purposes: ['research'], minimisation: [], approval };
  return api.ask(api.keys.atmo, 'PUT /v1/datasets/school-air', given.datasetRequest({ offer }));
};
const requested = async () =>
  (await api.ask(api.keys.app, 'POST /v1/contracts', { dataset: 'school-air', purpose: 'research' })).json;

describe('GET /v1/audit', () => {
  test('tells the life of a contract: who decided what', async () => {
    await shared('provider');
    const { id, digest } = await requested();
    api.mesh.later(1);
    await api.ask(api.keys.atmo, `POST /v1/contracts/${id}/accept`, { digest });
    api.mesh.later(1);
    await api.ask(api.keys.app, `POST /v1/contracts/${id}/terminate`, { reason: 'done' });
    const entries = await audit(`?noun=contract&id=${id}`);
    expect(
      entries.map((entry: Record<string, unknown>) => [entry['participant'], entry['action']]).reverse(),
    ).toEqual([
      ['app', 'contract.requested'],
      ['atmo', 'contract.accepted'],
      ['app', 'contract.terminated'],
    ]);
    expect(entries[0]).toMatchObject({ outcome: 'done', request: 'req-1', changes: [{ now: 'terminated' }] });
  });

  test.each([
    ['forbidden', 'operator', (id: string) => `POST /v1/contracts/${id}/reject`, { reason: 'no' }, 403],
    ['conflict', 'app', (id: string) => `POST /v1/contracts/${id}/suspend`, { reason: 'no' }, 409],
    ['not-found', 'lab', (id: string) => `POST /v1/contracts/${id}/terminate`, { reason: 'no' }, 404],
  ] as const)('tells what was refused: %s', async (problem, who, line, body, status) => {
    await shared('provider');
    const { id } = await requested();
    expect((await api.ask(api.keys[who], line(id), body)).status).toBe(status);
    expect(await audit('?outcome=refused')).toMatchObject([
      { participant: who === 'operator' ? 'city' : who, problem, noun: 'contract', subject: id, changes: [] },
    ]);
  });

  test('tells who was refused for want of a role', async () => {
    const { status } = await api.ask(api.keys.app, 'PATCH /v1/participants/atmo', { status: 'suspended' });
    expect(status).toBe(403);
    expect(await audit('?participant=app')).toMatchObject([
      { action: 'participant.changed', subject: 'atmo' },
    ]);
  });

  test('keeps a repeated answer, and no secret of a first one', async () => {
    const once = { 'idempotency-key': 'one' };
    const admit = () =>
      api.ask(api.keys.operator, 'POST /v1/participants', given.participantRequest({ id: 'new' }), once);
    const { key } = (await admit()).json;
    await admit();
    const entries = await audit('?action=participant.admitted');
    const made = entries.flatMap((entry: { changes: { do: string }[] }) => entry.changes);
    expect(made.filter((change: { do: string }) => change.do === 'create')).toHaveLength(2);
    expect(JSON.stringify(entries)).not.toContain(key.slice(-43));
  });

  test('is for operator and DPO alone, and no route changes it', async () => {
    expect((await api.ask(api.keys.operator, 'GET /v1/audit')).status).toBe(200);
    for (const who of ['atmo', 'app'] as const)
      expect((await api.ask(api.keys[who], 'GET /v1/audit')).status).toBe(403);
    expect(ROUTES.filter(({ path }) => path.includes('audit')).map(({ method }) => method)).toEqual(['GET']);
  });
});
