import { beforeEach, describe, expect, test } from 'vitest';
import { requestContract } from '../../../domain/contracts/request.ts';
import { getDataset } from '../../../domain/datasets/datasets.ts';
import { etagOf, putDataset } from '../../../domain/datasets/put.ts';
import { retireDataset, settleRetirements } from '../../../domain/datasets/retire.ts';
import { retireRequest } from '../../../schemas/dataset.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf, refusing } from '../mesh.ts';

const DAY = 86_400_000;
const atmo = given.caller('atmo');
const RETIRING = 'maille.dataset.retiring.v1';
const RETIRED = 'maille.dataset.retired.v1';

let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = meshInMemory();
  await putDataset(mesh, atmo, 'school-air', given.datasetRequest(), undefined);
  await mesh.has('contract', given.contract());
  await mesh.has('contract', given.contract({ consumer: 'lab', state: 'terminated' }));
});
const inDays = (days: number): string => new Date(mesh.now().getTime() + days * DAY).toISOString();
const retires = (on: string, reason = 'the sensors are taken down') =>
  retireDataset(mesh, atmo, 'school-air', { reason, on });
const published = async () => (await mesh.registry.publishable('atmo')).map(({ retired }) => retired);

describe('a dataset that ends', () => {
  test('says so to who has a contract, goes on until its day, and then is retired', async () => {
    expect(await retires(inDays(30))).toMatchObject({ status: 'active', retirement: { told: true } });
    expect(await mesh.noticesOf('app')).toEqual([RETIRING]);
    expect(await mesh.noticesOf('lab')).toEqual([]);
    mesh.later(30 * DAY - 1);
    expect(await settleRetirements(mesh)).toBe(0);
    expect(await published()).toEqual([false]);
    mesh.later(1);
    expect(await settleRetirements(mesh)).toBe(1);
    expect(await published()).toEqual([true]);
    expect(await mesh.noticesOf('app')).toEqual([RETIRING, RETIRED]);
    expect(await mesh.noticesOf('atmo')).toEqual([RETIRING, RETIRED]);
    expect(await settleRetirements(mesh)).toBe(0);
    expect(await mesh.noticesOf('app')).toHaveLength(2);
  });

  test('is retired though another one cannot be', async () => {
    const both = ['a-library', 'z-library'];
    for (const id of both) await putDataset(mesh, atmo, id, given.datasetRequest(), undefined);
    for (const id of [...both, 'school-air'])
      await retireDataset(mesh, atmo, id, { reason: 'the sensors are taken down', on: inDays(1) });
    mesh.later(DAY);
    const registry = refusing(mesh.registry, 'a-library');
    await expect(settleRetirements({ ...mesh, registry })).rejects.toThrow('broke');
    const states = await Promise.all(
      ['a-library', 'school-air', 'z-library'].map((id) => mesh.registry.read('dataset', id)),
    );
    expect(states.map((dataset) => dataset?.status)).toEqual(['active', 'retired', 'retired']);
  });

  test('ends at once where its day is today or past', async () => {
    expect(await retires(inDays(-1))).toMatchObject({ status: 'retired' });
    expect(await published()).toEqual([true]);
    expect(await mesh.noticesOf('app')).toEqual([RETIRED]);
  });

  test('takes no contract and no change once it is retired, and can still be read', async () => {
    const { revision } = await retires(inDays(0));
    const asked = { dataset: 'school-air', purpose: 'research' };
    const put = putDataset(mesh, atmo, 'school-air', given.datasetRequest(), etagOf({ revision }));
    for (const call of [
      requestContract(mesh, given.caller('app'), asked, { dryRun: false }),
      put,
      retires(inDays(1)),
    ])
      expect(await problemOf(call)).toMatchObject({ kind: 'conflict' });
    expect(await getDataset(mesh.registry, given.caller('app'), 'school-air')).toMatchObject({
      status: 'retired',
      retirement: { reason: 'the sensors are taken down' },
    });
  });

  test('may be given another day, which is told too; a change of the dataset takes nothing back', async () => {
    await retires(inDays(30));
    const { revision } = await retires(inDays(60), 'later');
    expect(await mesh.noticesOf('app')).toEqual([RETIRING, RETIRING]);
    const request = given.datasetRequest({ title: { fr: 'Air', en: 'Air' } });
    const { dataset } = await putDataset(mesh, atmo, 'school-air', request, etagOf({ revision }));
    expect(dataset.retirement).toMatchObject({ reason: 'later' });
    mesh.later(45 * DAY);
    expect(await settleRetirements(mesh)).toBe(0);
  });

  test('tells all once more where it broke off before everybody was told', async () => {
    const { write } = mesh.registry;
    let writes = 0;
    mesh.registry.write = (changes) =>
      (writes += 1) === 2 ? Promise.reject(new Error('no')) : write(changes);
    expect(await retires(inDays(30))).toMatchObject({ retirement: { told: false } });
    expect(await mesh.noticesOf('app')).toEqual([]);
    expect(await settleRetirements(mesh)).toBe(0);
    expect(await mesh.noticesOf('app')).toEqual([RETIRING]);
  });

  test('of somebody else is not there', async () => {
    const call = retireDataset(mesh, given.caller('app'), 'school-air', { reason: 'mine', on: inDays(1) });
    expect(await problemOf(call)).toMatchObject({ kind: 'not-found' });
  });
});

test('a day begins at midnight in UTC, an instant is what it says', () => {
  const on = (text: string) => retireRequest.parse({ reason: 'over', on: text }).on;
  expect(on('2027-01-01')).toBe('2027-01-01T00:00:00.000Z');
  expect(on('2027-01-01T01:00:00+01:00')).toBe('2027-01-01T00:00:00.000Z');
  for (const bad of ['tomorrow', '2027-02-30']) expect(() => on(bad)).toThrow();
});
