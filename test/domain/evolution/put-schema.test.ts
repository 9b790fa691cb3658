import { ulid } from 'ulid';
import { beforeEach, describe, expect, test } from 'vitest';
import { getDataset, getSchema } from '../../../domain/datasets/datasets.ts';
import { etagOf, putDataset } from '../../../domain/datasets/put.ts';
import { judgeChange } from '../../../domain/evolution/judge.ts';
import { settleSchemas } from '../../../domain/evolution/plan.ts';
import { putSchema, withdrawPlan } from '../../../domain/evolution/put-schema.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf, refusing } from '../mesh.ts';

const DAY = 86_400_000;
const atmo = given.caller('atmo');
const of = { dataset: 'school-air', type: TYPE };
const now = { dryRun: false, days: 7 };
const dryRun = { dryRun: true, days: 7 };
const wider = { ...SCHEMA, properties: { ...SCHEMA.properties, co2: { type: ['number', 'null'] } } };
const narrower = { ...SCHEMA, required: ['co2', 'room'] };

let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = meshInMemory();
  await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), undefined);
});

const versionNow = async (): Promise<number | undefined> =>
  (await getDataset(mesh.registry, atmo, 'school-air')).types[0]?.schemaVersion;

describe('a compatible schema', () => {
  test('is the next version at once, publishable by it', async () => {
    const outcome = await putSchema(mesh, atmo, of, wider, now);
    expect(outcome).toMatchObject({ status: 'in-force', schema: { version: 2, schema: wider } });
    expect(await getSchema(mesh.registry, atmo, { ...of, version: 2 })).toMatchObject({ schema: wider });
    expect(await mesh.registry.publishable('atmo')).toMatchObject([{ schemaVersion: 2 }]);
  });

  test('that says the same again makes no version', async () => {
    expect(await putSchema(mesh, atmo, of, { ...SCHEMA }, now)).toMatchObject({
      status: 'unchanged',
      schema: { version: 1 },
    });
    expect(await versionNow()).toBe(1);
  });

  test('in a dry run changes nothing', async () => {
    expect(await putSchema(mesh, atmo, of, wider, dryRun)).toMatchObject({ status: 'in-force' });
    expect(await versionNow()).toBe(1);
  });

  test('of somebody else’s dataset, or of a type that it has not, is not there', async () => {
    expect(await problemOf(putSchema(mesh, given.caller('app'), of, wider, now))).toMatchObject({
      kind: 'not-found',
    });
    const other = { ...of, type: 'org.example.noise.v1' };
    expect(await problemOf(putSchema(mesh, atmo, other, wider, now))).toMatchObject({ kind: 'not-found' });
  });

  test('that is no schema is told where', async () => {
    const { kind, errors } = await problemOf(
      putSchema(mesh, atmo, of, { properties: { co2: { type: 'gas' } } }, now),
    );
    expect([kind, errors?.[0]?.path]).toEqual(['not-valid', '/properties/co2/type']);
  });
});

describe('a breaking schema', () => {
  const month = given.contract({ consumer: 'app', terms: { minimisation: [], noticeDays: 30 } });
  const week = given.contract({ consumer: 'lab', terms: { minimisation: [], noticeDays: 7 } });

  beforeEach(async () => {
    await mesh.has('contract', month);
    await mesh.has('contract', week);
    await mesh.has('contract', given.contract({ consumer: 'old', state: 'terminated' }));
    await mesh.has('contract', given.contract({ consumer: 'else', types: ['org.example.noise.v1'] }));
  });

  test('is refused with each place and each contract that it would break', async () => {
    const problem = await problemOf(putSchema(mesh, atmo, of, narrower, now));
    expect(problem).toMatchObject({
      kind: 'conflict',
      errors: [{ path: '/required/1', message: 'requires room' }],
    });
    expect(problem.more?.['contracts']).toMatchObject([
      { contract: month.id, consumer: 'app', noticeDays: 30 },
      { contract: week.id, consumer: 'lab', noticeDays: 7 },
    ]);
    expect(problem.more?.['earliest']).toBe(new Date(mesh.now().getTime() + 30 * DAY).toISOString());
    expect(await versionNow()).toBe(1);
  });

  test('cannot be in force before the longest notice is over', async () => {
    const effective = new Date(mesh.now().getTime() + 29 * DAY).toISOString();
    expect(await problemOf(putSchema(mesh, atmo, of, narrower, { ...now, effective }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('announced in time is told to each party, and in force on its day', async () => {
    const effective = new Date(mesh.now().getTime() + 31 * DAY).toISOString();
    const outcome = await putSchema(mesh, atmo, of, narrower, { ...now, effective });
    expect(outcome).toMatchObject({ status: 'planned', plan: { effective } });
    for (const party of ['atmo', 'app', 'lab'])
      expect(await mesh.noticesOf(party)).toEqual(['maille.schema.planned.v1']);
    for (const party of ['old', 'else']) expect(await mesh.noticesOf(party)).toEqual([]);
    expect(await settleSchemas(mesh)).toBe(0);
    expect(await versionNow()).toBe(1);
    mesh.later(31 * DAY);
    expect(await settleSchemas(mesh)).toBe(1);
    expect(await versionNow()).toBe(2);
    expect(await getSchema(mesh.registry, atmo, { ...of, version: 2 })).toMatchObject({ schema: narrower });
    expect(await mesh.noticesOf('app')).toEqual(['maille.schema.planned.v1', 'maille.schema.changed.v1']);
    expect(await settleSchemas(mesh)).toBe(0);
    expect(await mesh.noticesOf('app')).toHaveLength(2);
  });

  test('is in force though that of another dataset cannot be', async () => {
    for (const id of ['a-library', 'z-library'])
      await putDataset(mesh, atmo, id, given.datasetRequest(), undefined);
    const effective = new Date(mesh.now().getTime() + 31 * DAY).toISOString();
    const datasets = ['a-library', 'school-air', 'z-library'];
    for (const dataset of datasets)
      await putSchema(mesh, atmo, { ...of, dataset }, narrower, { ...now, effective });
    mesh.later(31 * DAY);
    const registry = refusing(mesh.registry, 'a-library');
    await expect(settleSchemas({ ...mesh, registry })).rejects.toThrow('broke');
    const versions = datasets.map(
      async (id) => (await getDataset(mesh.registry, atmo, id)).types[0]?.schemaVersion,
    );
    expect(await Promise.all(versions)).toEqual([1, 2, 2]);
  });

  test('taken back is told, and never in force', async () => {
    const effective = new Date(mesh.now().getTime() + 31 * DAY).toISOString();
    await putSchema(mesh, atmo, of, narrower, { ...now, effective });
    mesh.later(1000);
    await withdrawPlan(mesh, atmo, of);
    expect(await mesh.noticesOf('lab')).toEqual(['maille.schema.planned.v1', 'maille.schema.withdrawn.v1']);
    mesh.later(31 * DAY);
    expect(await settleSchemas(mesh)).toBe(0);
    expect(await versionNow()).toBe(1);
    expect(await problemOf(withdrawPlan(mesh, atmo, of))).toMatchObject({ kind: 'not-found' });
  });

  test('that nobody was told of yet is told by the clock', async () => {
    const effective = new Date(mesh.now().getTime() + 31 * DAY).toISOString();
    const registry = { ...mesh.registry };
    const failing = { ...mesh, registry: { ...registry, list: registry.list, write: registry.write } };
    let writes = 0;
    failing.registry.write = (changes) => {
      writes += 1;
      return writes > 1 ? Promise.reject(new Error('the store is down')) : registry.write(changes);
    };
    await putSchema(failing, atmo, of, narrower, { ...now, effective });
    expect(await mesh.noticesOf('app')).toEqual([]);
    await settleSchemas(mesh);
    expect(await mesh.noticesOf('app')).toEqual(['maille.schema.planned.v1']);
  });

  test('is refused by PUT of the dataset too, even where the request declares another compatibility', async () => {
    const deps = { ...mesh, judgeChange };
    const request = given.datasetRequest({
      types: [{ type: TYPE, schema: narrower, compatibility: 'none' }],
    });
    const before = await getDataset(mesh.registry, atmo, 'school-air');
    expect(await problemOf(putDataset(deps, atmo, 'school-air', request, etagOf(before)))).toMatchObject({
      kind: 'conflict',
      errors: [{ path: '/types/0/schema/required/1' }],
    });
  });
});

describe('what is declared', () => {
  test.each([
    ['backward', [], ['/required/1']],
    ['forward', ['/properties/co2/type'], []],
    ['full', ['/properties/co2/type'], ['/required/1']],
    ['none', [], []],
  ] as const)('%s decides which changes break', (declared, widening, narrowing) => {
    const standing = { ...of, version: 1, schema: SCHEMA, createdAt: '' };
    const paths = (schema: object) =>
      judgeChange(standing, { schema: { ...schema } }, declared).map(({ path }) => path);
    expect(paths(wider)).toEqual(widening);
    expect(paths(narrower)).toEqual(narrowing);
  });
});

describe('a dry run over real events', () => {
  test('tells how many would fail now, why, and for whom; and no value of them', async () => {
    const early = given.contract({ consumer: 'app', from: '2026-01-01T00:00:00.000Z' });
    const late = given.contract({
      consumer: 'lab',
      from: new Date(mesh.now().getTime() - DAY).toISOString(),
    });
    await mesh.has('contract', early);
    await mesh.has('contract', late);
    const daysAgo = (days: number, data: object, type = TYPE) => {
      const sequence = ulid(mesh.now().getTime() - days * DAY);
      return given.entry({
        key: sequence,
        sequence,
        type,
        body: JSON.stringify(given.event({ type, data })),
      });
    };
    await mesh.ledger.append([
      daysAgo(9, { co2: 400 }),
      daysAgo(5, { co2: 401, teacher: 'Mme Martin' }),
      daysAgo(0.5, { co2: 402 }),
      daysAgo(0.4, { co2: 403, room: 'a' }),
      daysAgo(0.3, { db: 3 }, 'org.example.noise.v1'),
    ]);
    const problem = await problemOf(putSchema(mesh, atmo, of, narrower, dryRun));
    expect(problem.more?.['rehearsal']).toMatchObject({
      events: 3,
      complete: true,
      failing: 2,
      first: [{ errors: [{ path: '/data/room', message: 'is required' }] }, {}],
      contracts: [
        { contract: early.id, failing: 2 },
        { contract: late.id, failing: 1 },
      ],
    });
    expect(JSON.stringify(problem)).not.toMatch(/Martin|\b401\b/);
    expect(await versionNow()).toBe(1);
  });

  test('looks at the latest days first, and only at so much, whatever else the dataset has', async () => {
    const at = (daysAgo: number, type: string, data: object) => {
      const sequence = ulid(mesh.now().getTime() - daysAgo * DAY);
      return given.entry({
        key: sequence,
        sequence,
        type,
        body: JSON.stringify(given.event({ type, data })),
      });
    };
    const noise = (daysAgo: number, count: number) =>
      Array.from({ length: count }, () => at(daysAgo, 'org.example.noise.v1', { db: 3 }));
    await mesh.ledger.append([at(6, TYPE, { co2: 1 }), ...noise(2, 6000), at(1.5, TYPE, { co2: 2 })]);
    const reads: number[] = [];
    const ledger = {
      ...mesh.ledger,
      read: (keys: string[], asOf: Date) => {
        reads.push(keys.length);
        return mesh.ledger.read(keys, asOf);
      },
    };
    const problem = await problemOf(putSchema({ ...mesh, ledger }, atmo, of, narrower, dryRun));
    expect(problem.more?.['rehearsal']).toMatchObject({ events: 1, failing: 1, complete: false });
    expect(reads.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(5100);

    // Large data has to be fetched: of such events fewer are looked at.
    const payload = 'until/2026-05-01/one.json';
    const body = Buffer.from('{"co2":1}');
    await mesh.payloads.put({ name: payload, body, contentType: 'application/json' });
    await mesh.ledger.append(Array.from({ length: 200 }, () => ({ ...at(0.5, TYPE, {}), payload })));
    const large = await problemOf(putSchema(mesh, atmo, of, narrower, dryRun));
    expect(large.more?.['rehearsal']).toMatchObject({ events: 100, failing: 100, complete: false });
  });
});
