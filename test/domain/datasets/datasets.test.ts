import { beforeEach, describe, expect, test } from 'vitest';
import { getDataset, getSchema, listDatasets, listSchemas } from '../../../domain/datasets/datasets.ts';
import { etagOf, putDataset } from '../../../domain/datasets/put.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const atmo = given.caller('atmo');
const app = given.caller('app');
const operator = given.caller('city', { roles: ['operator'] });
const narrower = { ...SCHEMA, additionalProperties: false };
const typed = (schema: object) =>
  given.datasetRequest({ types: [{ type: TYPE, schema: { ...schema }, compatibility: 'backward' }] });
const all = { limit: 50 };

let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory();
});

describe('putting a dataset', () => {
  test('creates it with the first version of each schema, publishable at once', async () => {
    const { created, dataset } = await putDataset(
      mesh,
      atmo,
      'school-air',
      given.datasetRequest(),
      undefined,
    );
    expect(created).toBe(true);
    expect(dataset).toMatchObject({
      provider: 'atmo',
      revision: 1,
      types: [{ type: TYPE, schemaVersion: 1 }],
    });
    expect(
      (await listSchemas(mesh.registry, undefined, { dataset: 'school-air', type: TYPE }, all)).items,
    ).toMatchObject([{ version: 1, schema: SCHEMA }]);
    expect(await mesh.registry.publishable('atmo')).toMatchObject([
      { dataset: 'school-air', type: TYPE, schemaVersion: 1 },
    ]);
  });

  test('updates it by the ETag that was read: 428 without, 412 with another', async () => {
    const first = await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), undefined);
    const better = given.datasetRequest({ theme: 'health' });
    expect(await problemOf(putDataset(mesh, atmo, 'school-air', better, undefined))).toMatchObject({
      kind: 'precondition-required',
    });
    expect(await problemOf(putDataset(mesh, atmo, 'school-air', better, '"7"'))).toMatchObject({
      kind: 'precondition-failed',
    });
    const second = await putDataset(mesh, atmo, 'school-air', better, etagOf(first.dataset));
    expect(second).toMatchObject({
      created: false,
      dataset: { revision: 2, theme: 'health', createdAt: first.dataset.createdAt },
    });
    expect(
      await problemOf(putDataset(mesh, atmo, 'school-air', given.datasetRequest(), etagOf(first.dataset))),
    ).toMatchObject({
      kind: 'precondition-failed',
    });
    expect(await problemOf(putDataset(mesh, atmo, 'new-one', better, '"1"'))).toMatchObject({
      kind: 'precondition-failed',
    });
  });

  test('with what already stands changes nothing', async () => {
    const { dataset } = await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), undefined);
    mesh.later(1000);
    expect(await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), '*')).toEqual({
      created: false,
      dataset,
    });
  });

  test('makes a new version of a schema that changed, and keeps the older one', async () => {
    await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), undefined);
    const { dataset } = await putDataset(mesh, atmo, 'school-air', typed(narrower), '"1"');
    expect(dataset.types).toMatchObject([{ schemaVersion: 2 }]);
    const of = { dataset: 'school-air', type: TYPE };
    expect(await getSchema(mesh.registry, app, { ...of, version: 1 })).toMatchObject({ schema: SCHEMA });
    expect(await getSchema(mesh.registry, app, { ...of, version: 2 })).toMatchObject({ schema: narrower });
    expect(await problemOf(getSchema(mesh.registry, app, { ...of, version: 3 }))).toMatchObject({
      kind: 'not-found',
    });
  });

  test('that takes a type out and brings it back goes on with its versions', async () => {
    const other = { type: 'org.example.noise.v1', schema: {}, compatibility: 'none' } as const;
    await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), undefined);
    await putDataset(mesh, atmo, 'school-air', typed(narrower), '"1"');
    await putDataset(mesh, atmo, 'school-air', given.datasetRequest({ types: [other] }), '"2"');
    const same = await putDataset(mesh, atmo, 'school-air', typed(narrower), '"3"');
    expect(same.dataset.types).toMatchObject([{ type: TYPE, schemaVersion: 2 }]);
    await putDataset(mesh, atmo, 'school-air', given.datasetRequest({ types: [other] }), '"4"');
    const back = await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), '"5"');
    expect(back.dataset.types).toMatchObject([{ type: TYPE, schemaVersion: 3 }]);
  });

  test('with a schema that is none is told where', async () => {
    const wrong = given.datasetRequest({
      types: [
        { type: TYPE, schema: SCHEMA, compatibility: 'backward' },
        { type: 'org.example.noise.v1', schema: { type: 'decibel' }, compatibility: 'none' },
      ],
    });
    const { kind, errors } = await problemOf(putDataset(mesh, atmo, 'school-air', wrong, undefined));
    expect(kind).toBe('not-valid');
    expect(errors?.length).toBeGreaterThan(0);
    expect(errors?.every(({ path }) => path.startsWith('/types/1/schema'))).toBe(true);
  });

  test('whose offer delays for longer than events are kept is told where', async () => {
    const offer = {
      ...given.datasetRequest().offer,
      minimisation: [
        { clause: 'later', do: 'delay' as const, by: 'PT47H' },
        { clause: 'late', do: 'delay' as const, by: 'P2D' },
      ],
    };
    const request = given.datasetRequest({ retentionDays: 2, offer });
    expect(await problemOf(putDataset(mesh, atmo, 'slow-air', request, undefined))).toMatchObject({
      kind: 'not-valid',
      errors: [{ path: '/offer/minimisation/1/by', message: expect.stringContaining('2 day(s)') }],
    });
  });

  test('is not kept for less time than a contract delays its events', async () => {
    const put = async (retentionDays: number) =>
      putDataset(mesh, atmo, 'school-air', given.datasetRequest({ retentionDays }), (await known()) && '*');
    const known = () => mesh.registry.read('dataset', 'school-air');
    await put(30);
    const late = { clause: 'late', do: 'delay' as const, by: 'P5D' };
    const { terms } = given.contract();
    const delayed = given.contract({ terms: { ...terms, minimisation: [late] } });
    const over = given.contract({ ...delayed, id: given.contract().id, state: 'terminated' });
    for (const contract of [delayed, over]) await mesh.has('contract', contract);
    expect((await put(6)).dataset).toMatchObject({ retentionDays: 6 });
    const { kind, errors } = await problemOf(put(5));
    expect([kind, errors]).toEqual([
      'not-valid',
      [{ path: '/retentionDays', message: expect.stringContaining(delayed.id) }],
    ]);
    expect(await known()).toMatchObject({ retentionDays: 6 });
  });

  test('under an id of somebody else’s is a 409 that tells nothing of it', async () => {
    await mesh.has('dataset', given.dataset({ provider: 'lab', access: 'restricted' }));
    const problem = await problemOf(putDataset(mesh, atmo, 'school-air', given.datasetRequest(), '"1"'));
    expect(problem.kind).toBe('conflict');
    expect(problem.detail).not.toMatch(/lab|restricted/);
  });

  test('asks the judge of changes about each changed schema, and refuses what it finds', async () => {
    const judged: number[] = [];
    const deps = {
      ...mesh,
      judgeChange: ({ version }: { version: number }) => {
        judged.push(version);
        return [{ path: '/required', message: 'is new' }];
      },
    };
    await putDataset(deps, atmo, 'school-air', given.datasetRequest(), undefined);
    const { kind, errors } = await problemOf(putDataset(deps, atmo, 'school-air', typed(narrower), '"1"'));
    expect([kind, errors]).toEqual(['conflict', [{ path: '/types/0/schema/required', message: 'is new' }]]);
    expect(judged).toEqual([1]);
  });

  test('that races leaves one winner', async () => {
    await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), undefined);
    const both = await Promise.allSettled(
      ['a', 'b'].map((theme) => putDataset(mesh, atmo, 'school-air', given.datasetRequest({ theme }), '"1"')),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await mesh.registry.read('dataset', 'school-air'))?.revision).toBe(2);
  });
});

describe('seeing datasets', () => {
  beforeEach(async () => {
    await mesh.has('dataset', given.dataset());
    await mesh.has(
      'dataset',
      given.dataset({ id: 'secret-air', access: 'restricted', visibleTo: ['app'], theme: 'security' }),
    );
    await mesh.has(
      'dataset',
      given.dataset({
        id: 'parking',
        provider: 'city',
        theme: 'mobility',
        title: 'Places de parking',
        keywords: ['été'],
      }),
    );
  });
  const ids = async (caller: typeof app | undefined, query = {}) =>
    (await listDatasets(mesh.registry, caller, query, all)).items.map(({ id }) => id);

  test('is public, but for the restricted ones', async () => {
    expect(await ids(undefined)).toEqual(['parking', 'school-air']);
    expect(await ids(given.caller('lab'))).toEqual(['parking', 'school-air']);
    for (const caller of [app, atmo, operator]) expect(await ids(caller)).toContain('secret-air');
    expect(await problemOf(getDataset(mesh.registry, undefined, 'secret-air'))).toMatchObject({
      kind: 'not-found',
    });
    const of = { dataset: 'secret-air', type: TYPE };
    expect(await problemOf(listSchemas(mesh.registry, undefined, of, all))).toMatchObject({
      kind: 'not-found',
    });
  });

  test('does not tell who else was named', async () => {
    expect(await getDataset(mesh.registry, app, 'secret-air')).not.toHaveProperty('visibleTo');
    expect(await getDataset(mesh.registry, atmo, 'secret-air')).toHaveProperty('visibleTo', ['app']);
  });

  test('is narrowed by words, theme, provider and access', async () => {
    expect(await ids(undefined, { q: 'ECOLE air' })).toEqual(['school-air']);
    expect(await ids(undefined, { q: 'ete parking' })).toEqual(['parking']);
    expect(await ids(undefined, { q: 'noise' })).toEqual([]);
    expect(await ids(undefined, { theme: 'mobility' })).toEqual(['parking']);
    expect(await ids(app, { provider: 'atmo', access: 'restricted' })).toEqual(['secret-air']);
  });

  test('goes page by page past what is hidden', async () => {
    const first = await listDatasets(mesh.registry, undefined, {}, { limit: 1 });
    expect(first.items.map(({ id }) => id)).toEqual(['parking']);
    const second = await listDatasets(mesh.registry, undefined, {}, { limit: 1, cursor: first.next ?? '' });
    expect(second.items.map(({ id }) => id)).toEqual(['school-air']);
  });
});
