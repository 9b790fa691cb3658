import { beforeEach, describe, expect, test } from 'vitest';
import { type HistoryDeps, type HistoryQuery, readHistory } from '../../../domain/history/history.ts';
import type { Contract } from '../../../schemas/contract.ts';
import { given, TYPE } from '../../given.ts';
import { flowInMemory, type MemoryFlow } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';

const app = given.caller('app');
const atmo = given.caller('atmo');
const HOUR = 3_600_000;
const NOISE = 'org.example.noise.v1';

let flow: MemoryFlow;
let deps: HistoryDeps;
let contract: Contract;
beforeEach(async () => {
  flow = flowInMemory();
  deps = { ...flow, sealer: flow.deps.sealer, publicUrl: 'https://mesh.example.org' };
  contract = await flow.agrees();
});

async function published(count: number, type = TYPE): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await flow.accepted({ type, data: { co2: 400 + n, teacher: 'Curie' }, subject: 'room-4' });
    flow.later(HOUR);
  }
}
const read = (caller = app as typeof app | undefined, query: HistoryQuery = {}, page = { limit: 50 }) =>
  readHistory(deps, caller, 'school-air', query, page);
const values = (events: { data?: unknown }[]) => events.map(({ data }) => (data as { co2: number }).co2);
const clause = { clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' };

describe('the history', () => {
  test('is read as deliveries are: oldest first, under the contract, with its schema', async () => {
    await published(3);
    const { items, next } = await read();
    expect([values(items), next]).toEqual([[400, 401, 402], null]);
    expect(items[0]).toMatchObject({
      dataset: 'school-air',
      dataschema: `https://mesh.example.org/v1/datasets/school-air/types/${TYPE}/schemas/1`,
    });
  });

  test('is minimised by the contract of now', async () => {
    await published(1);
    await flow.changes('contract', contract.id, { terms: { minimisation: [clause] } });
    expect(JSON.stringify(await read())).not.toContain('Curie');
  });

  test('comes in pages, each event once, however they are cut', async () => {
    await published(7);
    for (const limit of [1, 2, 3, 7, 8]) {
      const seen: number[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages < 20; pages += 1) {
        const page = { limit, ...(cursor !== undefined && { cursor }) };
        const { items, next } = await read(app, {}, page);
        expect(items.length).toBeLessThanOrEqual(limit);
        seen.push(...values(items));
        if (next === null) break;
        cursor = next;
      }
      expect(seen).toEqual([400, 401, 402, 403, 404, 405, 406]);
    }
  });

  test('goes from one instant to another, and by type', async () => {
    const start = flow.now().getTime();
    await published(4);
    await published(1, NOISE);
    const at = (hours: number) => new Date(start + hours * HOUR).toISOString();
    expect(values((await read(app, { from: at(1), to: at(3) })).items)).toEqual([401, 402]);
    expect(values((await read(app, { type: NOISE })).items)).toEqual([400]);
  });

  test('never holds an event outside the types of the contract, or behind its retention', async () => {
    await published(2);
    await published(1, NOISE);
    await flow.changes('contract', contract.id, { types: [NOISE] });
    expect((await read()).items.map(({ type }) => type)).toEqual([NOISE]);
    await flow.changes('contract', contract.id, { types: [TYPE] });
    await flow.changes('dataset', 'school-air', { retentionDays: 1 });
    flow.later(23 * HOUR - 30 * 60_000);
    expect(values((await read(app, { from: '2026-01-01T00:00:00.000Z' })).items)).toEqual([]);
  });

  test('does not yet hold what a clause delays, and does not skip it', async () => {
    const minimisation = [{ clause: 'later', do: 'delay' as const, by: 'PT2H' }];
    await flow.changes('contract', contract.id, { terms: { minimisation } });
    await published(4);
    // No cursor leads behind it either.
    const { items, next } = await read(app, {}, { limit: 4 });
    expect([values(items), next]).toEqual([[400, 401, 402], null]);
    flow.later(HOUR);
    expect(values((await read()).items)).toEqual([400, 401, 402, 403]);
  });

  test('shows by no empty page that there is more than its contract covers', async () => {
    await flow.changes('contract', contract.id, { types: [TYPE] });
    await published(2, NOISE);
    await published(1);
    await published(2, NOISE);
    const { items, next } = await read(app, {}, { limit: 1 });
    expect(values(items)).toEqual([400]);
    expect(await read(app, {}, { limit: 1, cursor: next ?? '' } as { limit: number })).toEqual({
      items: [],
      next: null,
    });
  });

  test('counts and is billed as what is sent is, each time that it is read', async () => {
    const price = { amount: 0.5, currency: 'EUR', per: 'event' as const };
    await flow.changes('contract', contract.id, { terms: { minimisation: [], price } });
    await published(3);
    const { items } = await read();
    const days = () => flow.usage.days(contract.id, '2026-01-01', '2026-12-31');
    const bytes = items.reduce((sum, item) => sum + Buffer.byteLength(JSON.stringify(item)), 0);
    expect(await days()).toMatchObject([{ events: 3, bytes, charge: 1_500_000 }]);
    flow.later(1);
    await read(app, {}, { limit: 1 });
    expect(await days()).toMatchObject([{ events: 4, charge: 2_000_000 }]);
    await read(atmo);
    expect(await days(), 'a provider reads its own').toMatchObject([{ events: 4 }]);
  });

  test('gives nothing that cannot be counted', async () => {
    await published(1);
    deps = { ...deps, deliveries: { write: () => Promise.reject(new Error('no')) } };
    await expect(read()).rejects.toThrow('no');
  });

  test('gives as much as the quota does, and then says which clause', async () => {
    const quota = { events: 3, per: 'P1D' as const };
    await flow.changes('contract', contract.id, { terms: { minimisation: [], quota } });
    await published(5);
    const first = await read(app, {}, { limit: 2 });
    expect(values(first.items)).toEqual([400, 401]);
    const second = await read(app, {}, { limit: 3, ...(first.next !== null && { cursor: first.next }) });
    expect(values(second.items)).toEqual([402]);
    const rest = { limit: 3, ...(second.next !== null && { cursor: second.next }) };
    expect(await problemOf(read(app, {}, rest))).toMatchObject({
      kind: 'too-many',
      detail: expect.stringContaining('quota.P1D') as string,
    });
    flow.later(24 * HOUR);
    expect(values((await read(app, {}, rest)).items)).toEqual([403, 404]);
  });

  test('refuses a cursor that it has not given', async () => {
    expect(
      await problemOf(read(app, {}, { limit: 1, cursor: 'nonsense' } as { limit: number })),
    ).toMatchObject({
      kind: 'not-parseable',
    });
  });
});

describe('who may read', () => {
  test('nobody without an active contract', async () => {
    await published(1);
    expect(await problemOf(read(given.caller('lab')))).toMatchObject({ kind: 'forbidden' });
    expect(await problemOf(readHistory(deps, undefined, 'school-air', {}, { limit: 5 }))).toMatchObject({
      kind: 'unauthenticated',
    });
    const foreign = await flow.has('contract', given.contract({ consumer: 'else' }));
    expect(await problemOf(read(given.caller('lab'), { contract: foreign.id }))).toMatchObject({
      kind: 'forbidden',
    });
    expect(await problemOf(readHistory(deps, app, 'nowhere', {}, { limit: 5 }))).toMatchObject({
      kind: 'not-found',
    });
  });

  test('who has a contract, though the dataset is shown to others only since', async () => {
    await published(1);
    await flow.changes('dataset', 'school-air', { access: 'restricted', visibleTo: ['lab'] });
    expect(values((await read()).items)).toEqual([400]);
    await flow.changes('contract', contract.id, { state: 'terminated' });
    expect(await problemOf(read())).toMatchObject({ kind: 'not-found' });
  });

  test('who has a contract that does not stand as everybody, where the data is open', async () => {
    await flow.changes('dataset', 'school-air', { access: 'open' });
    await published(1);
    await flow.changes('contract', contract.id, { state: 'suspended' });
    expect(values((await read()).items)).toEqual([400]);
    expect(await problemOf(read(app, { contract: contract.id }))).toMatchObject({ kind: 'conflict' });
  });

  test('everybody where the data is open, as it is offered', async () => {
    await flow.changes('dataset', 'school-air', {
      access: 'open',
      offer: {
        purposes: ['all'],
        minimisation: [clause],
        quota: { events: 1, per: 'P1D' },
        approval: 'automatic',
      },
    });
    await published(2);
    const { items } = await readHistory(deps, undefined, 'school-air', {}, { limit: 5 });
    expect(values(items)).toEqual([400, 401]);
    expect(JSON.stringify(items)).not.toContain('Curie');
  });

  test('not even open data of a provider that is suspended', async () => {
    await flow.changes('dataset', 'school-air', { access: 'open' });
    await published(1);
    await flow.changes('participant', 'atmo', { status: 'suspended' });
    expect(await problemOf(readHistory(deps, undefined, 'school-air', {}, { limit: 5 }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('the provider its own, whole', async () => {
    await published(1);
    expect((await readHistory(deps, atmo, 'school-air', {}, { limit: 5 })).items[0]).toMatchObject({
      data: { teacher: 'Curie' },
    });
  });
});
