import { beforeEach, describe, expect, test } from 'vitest';
import { given, TYPE } from '../given.ts';
import { apiInMemory } from './asking.ts';

const HERE = '2026-04-01T02:00:00.5+02:00';
const UTC = '2026-04-01T00:00:00.500Z';

let api: Awaited<ReturnType<typeof apiInMemory>>;
beforeEach(async () => {
  api = await apiInMemory();
  await api.ask(api.keys.atmo, 'PUT /v1/datasets/school-air', given.datasetRequest());
});

describe('an instant that was sent with an offset', () => {
  test('is answered in UTC: the end of a key', async () => {
    const line = 'POST /v1/participants/app/keys';
    const made = await api.ask(api.keys.app, line, { label: 'spring', expiresAt: HERE });
    expect(made.json.expiresAt).toBe(UTC);
    const { json } = await api.ask(api.keys.app, 'GET /v1/participants/app/keys');
    expect(json.items).toContainEqual(expect.objectContaining({ label: 'spring', expiresAt: UTC }));
  });

  test('is answered in UTC: the dates of a contract, which are the same contract', async () => {
    const dryRun = async (from: string, until: string) => {
      const asked = { dataset: 'school-air', purpose: 'research', from, until };
      return (await api.ask(api.keys.app, 'POST /v1/contracts?dryRun=true', asked)).json;
    };
    const [here, there] = [
      await dryRun(HERE, '2026-05-01T02:00:00+02:00'),
      await dryRun(UTC, '2026-05-01T00:00:00.000Z'),
    ];
    expect(here).toMatchObject({ from: UTC, until: '2026-05-01T00:00:00.000Z', digest: there.digest });
  });

  test('is answered in UTC: the day of a breaking schema', async () => {
    const line = `PUT /v1/datasets/school-air/types/${TYPE}/schema?effective=${encodeURIComponent(HERE)}`;
    const planned = await api.ask(api.keys.atmo, line, { type: 'object', required: ['other'] });
    expect([planned.status, planned.json.effective]).toEqual([202, UTC]);
  });

  test.each(['9999-12-31T23:59:59-01:00', '2026-04-01', '2026-02-30T00:00:00Z', 'tomorrow'])(
    'is refused where UTC cannot say it: %s',
    async (expiresAt) => {
      const line = 'POST /v1/participants/app/keys';
      const { status, json } = await api.ask(api.keys.app, line, { label: 'x', expiresAt });
      expect([status, json.errors[0].path]).toEqual([422, '/expiresAt']);
    },
  );
});
