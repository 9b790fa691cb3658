import { parse } from 'csv-parse/sync';
import { beforeEach, describe, expect, test } from 'vitest';
import { register } from '../../schemas/register.ts';
import { given } from '../given.ts';
import { apiInMemory } from './asking.ts';

let api: Awaited<ReturnType<typeof apiInMemory>>;
beforeEach(async () => {
  api = await apiInMemory();
});

const processing = {
  legalBasis: 'article 6(1)(e): public task',
  subjects: ['pupils'],
  categories: ['presence in class rooms'],
  transfers: [{ to: 'CH', safeguard: 'adequacy decision' }],
  security: ['badges are hashed at the door'],
};
const offer = {
  purposes: ['research'],
  minimisation: [{ clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' }],
  approval: 'automatic' as const,
};
const share = (id: string, more: object) =>
  api.ask(
    api.keys.atmo,
    `PUT /v1/datasets/${id}`,
    given.datasetRequest({ offer, retentionDays: 7, ...more }),
  );
const request = async (key: string, dataset: string) =>
  (await api.ask(key, 'POST /v1/contracts', { dataset, purpose: 'research', legalBasis: 'public interest' }))
    .json;
const told = async () => (await api.ask(api.keys.dpo, 'GET /v1/register')).json;
const entryOf = async (id: string) =>
  (await told()).entries.find(({ dataset }: { dataset?: string }) => dataset === id);

describe('GET /v1/register', () => {
  test('has every dataset with personal data, and what article 30 asks of it', async () => {
    await share('badges', { personalData: true, processing });
    await share('air', { personalData: false });
    const contract = await request(api.keys.app, 'badges');
    const answer = await told();
    expect(register.parse(answer)).toEqual(answer);
    expect(answer.entries.map(({ dataset }: { dataset?: string }) => dataset)).toEqual([undefined, 'badges']);
    expect(await entryOf('badges')).toMatchObject({
      controller: { id: 'atmo', name: 'Atmo', contact: { email: 'ada@example.org' } },
      purposes: ['research'],
      legalBasis: processing.legalBasis,
      subjects: ['pupils'],
      categories: ['presence in class rooms'],
      retention: expect.stringContaining('7 days'),
      transfers: processing.transfers,
      recipients: [
        { participant: 'app', contract: contract.id, state: contract.state, legalBasis: 'public interest' },
      ],
      missing: [],
    });
    expect((await entryOf('badges')).security).toEqual(
      expect.arrayContaining([
        'badges are hashed at the door',
        'minimisation no-teacher: drop /data/teacher',
      ]),
    );
  });

  test('states how long backups outlive what was deleted', async () => {
    expect((await told()).backups).toContainEqual(expect.objectContaining({ where: 'tables', days: 35 }));
  });

  test('goes on telling of contracts that have ended, and of what nobody declared', async () => {
    await share('badges', { personalData: true });
    const { id } = await request(api.keys.app, 'badges');
    await api.ask(api.keys.app, `POST /v1/contracts/${id}/terminate`, { reason: 'done' });
    expect(await entryOf('badges')).toMatchObject({
      recipients: [{ contract: id, state: 'terminated' }],
      missing: expect.arrayContaining(['/processing/legalBasis', '/processing/subjects']),
    });
  });

  test('leaves out none of many recipients', async () => {
    await share('badges', { personalData: true, processing });
    for (let index = 0; index < 230; index += 1) {
      await mesh().has('participant', given.participant({ id: `lab-${index}` }));
      await mesh().has('contract', given.contract({ dataset: 'badges', consumer: `lab-${index}` }));
    }
    const { recipients } = await entryOf('badges');
    expect(new Set(recipients.map(({ participant }: { participant: string }) => participant)).size).toBe(230);
  });

  test('is CSV for who asks for it: a row for each recipient, and no formula', async () => {
    await share('badges', { personalData: true, processing, title: '=HYPERLINK("x"), "quoted"' });
    const contract = await request(api.keys.app, 'badges');
    const answer = await api.ask(api.keys.operator, 'GET /v1/register', undefined, { accept: 'text/csv' });
    expect(answer.headers['content-type']).toMatch(/^text\/csv/);
    const rows = parse<Record<string, string>>(answer.text ?? '', { columns: true });
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatchObject({
      dataset: 'badges',
      title: '\'=HYPERLINK("x"), "quoted"',
      contract: contract.id,
      'contract state': contract.state,
      backups: expect.stringContaining('tables: 35 days'),
    });
  });

  test('is for operator and DPO alone', async () => {
    expect((await api.ask(api.keys.atmo, 'GET /v1/register')).status).toBe(403);
  });
});

test('processing is declared of personal data only', async () => {
  const { status, json } = await share('air', { personalData: false, processing });
  expect(status).toBe(422);
  expect(json.errors[0].path).toBe('/processing');
});

const mesh = () => api.mesh;
