import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { decide } from '../../../domain/contracts/decide.ts';
import { REMINDERS, termsAt } from '../../../domain/contracts/due.ts';
import { announced, tightened } from '../../../domain/contracts/offer-change.ts';
import { requestContract } from '../../../domain/contracts/request.ts';
import { announceOffers, settleContract, settleContracts } from '../../../domain/contracts/settle.ts';
import { isStricterOrEqual } from '../../../domain/contracts/stricter.ts';
import { putDataset } from '../../../domain/datasets/put.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { DatasetRequest, Offer } from '../../../schemas/dataset.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf, refusing } from '../mesh.ts';
import { terms } from './terms.ts';

const DAY = 86_400_000;
const provider = given.caller('atmo', { roles: ['provider'] });
const consumer = given.caller('app', { roles: ['consumer'] });
const noTeacher = { clause: 'no-teacher', do: 'drop', path: '/data/teacher' } as const;

let mesh: MemoryMesh;
let asked: DatasetRequest;
beforeEach(() => {
  mesh = meshInMemory();
  asked = given.datasetRequest();
});

const shares = async (offer: Partial<Offer> = {}): Promise<void> => {
  asked = { ...asked, offer: { ...asked.offer, ...offer } };
  await putDataset(mesh, provider, 'school-air', asked, (await shared()) && '*');
};
const shared = () => mesh.registry.read('dataset', 'school-air');
const requests = (more: { until?: string } = {}) =>
  requestContract(mesh, consumer, { dataset: 'school-air', purpose: 'research', ...more }, { dryRun: false });
const kept = async ({ id }: Contract) => (await mesh.registry.read('contract', id)) as Contract;
const ticks = async (): Promise<void> => {
  await announceOffers(mesh);
  await settleContracts(mesh);
};
const newsOf = async (participant: string) =>
  (await mesh.noticesOf(participant))
    .map((type) => type.replace(/^maille\.contract\.(.*)\.v1$/, '$1'))
    .sort();

describe('the end of a contract', () => {
  test('is told to both 30, 7 and 1 days before, once each, and comes by the clock', async () => {
    await shares();
    const contract = await requests({ until: '2026-05-01T00:00:00Z' });
    const told: number[] = [];
    for (let day = 0; day < 62; day += 1) {
      await ticks();
      await ticks();
      const { items } = await mesh.registry.list(
        'noticesOfParticipant',
        { participant: 'app' },
        { limit: 200 },
      );
      const endings = items.filter(({ type }) => type === 'maille.contract.ending.v1');
      if (endings.length > told.length) told.push(day);
      if (day < 61) mesh.later(DAY);
    }
    // From 1 March 10:00: the end is 60 days and 14 hours away.
    expect(told).toEqual([31, 54, 60]);
    expect(await newsOf('app')).toEqual(['ending', 'ending', 'ending', 'expired']);
    expect(await newsOf('atmo')).toEqual(['active', 'ending', 'ending', 'ending', 'expired']);
    expect(await kept(contract)).toMatchObject({ state: 'expired', reminded: 1 });
  });

  test('is told once, the nearest, where the clock stood still, and not where there was no time', async () => {
    await shares();
    await requests({ until: '2026-05-01T00:00:00Z' });
    mesh.later(58 * DAY);
    await ticks();
    expect(await newsOf('app')).toEqual(['ending']);
    const short = await requests({ until: '2026-04-30T12:00:00Z' });
    expect(short.reminded).toBe(7);
  });

  test('is told once, whoever settles the contract besides the clock', async () => {
    await shares();
    const contract = await requests({ until: '2026-03-20T00:00:00Z' });
    mesh.later(15 * DAY);
    await ticks();
    expect(await settleContract(mesh, await kept(contract))).toBe(false);
    expect(await newsOf('app')).toEqual(['ending']);
  });

  test('that is put off is told again before the new one', async () => {
    await shares({ durationDays: 365 });
    const contract = await requests({ until: '2026-03-06T00:00:00Z' });
    mesh.later(4 * DAY);
    await ticks();
    expect(await newsOf('app')).toEqual(['ending']);
    const open = await decide(mesh, consumer, contract.id, {
      action: 'extend',
      until: '2026-06-01T00:00:00Z',
    });
    const digest = open.proposed?.digest ?? '';
    const extended = await decide(mesh, provider, contract.id, { action: 'accept', digest });
    expect(extended).not.toHaveProperty('reminded');
    mesh.later(60 * DAY);
    await ticks();
    expect((await newsOf('app')).filter((news) => news === 'ending')).toHaveLength(2);
  });
});

test('a contract that cannot be changed holds up no other', async () => {
  await shares();
  const first = await requests({ until: '2026-03-20T00:00:00Z' });
  const second = await requests({ until: '2026-03-21T00:00:00Z' });
  mesh.later(30 * DAY);
  const registry = refusing(mesh.registry, first.id);
  await expect(settleContracts({ ...mesh, registry })).rejects.toThrow('broke');
  expect((await kept(second)).state).toBe('expired');
});

describe('a changed offer', () => {
  test('of one dataset is told though that of another one cannot be', async () => {
    const ids = ['a-library', 'school-air', 'z-library'];
    const offers = (minimisation: Offer['minimisation']) =>
      ids.map((id) =>
        putDataset(mesh, provider, id, { ...asked, offer: { ...asked.offer, minimisation } }, '*'),
      );
    for (const id of ids) await putDataset(mesh, provider, id, asked, undefined);
    await Promise.all(offers([noTeacher]));
    const registry = refusing(mesh.registry, 'a-library');
    await expect(announceOffers({ ...mesh, registry })).rejects.toThrow('broke');
    const { items } = await mesh.registry.list('datasetsToAnnounce', {}, { limit: 10 });
    expect(items.map(({ id }) => id)).toEqual(['a-library']);
  });

  test('that is stricter binds after its notice and not a moment before, and both are told when and what', async () => {
    await shares({ noticeDays: 10 });
    const contract = await requests();
    await shares({ minimisation: [noTeacher], quota: { events: 100, per: 'P1D' } });
    mesh.later(60_000);
    await ticks();
    const planned = await kept(contract);
    const from = '2026-03-11T10:00:00.000Z';
    expect(planned).toMatchObject({
      digest: contract.digest,
      terms: { minimisation: [] },
      termsChange: { from },
    });
    expect(await newsOf('app')).toEqual(['terms-change-planned']);
    expect(termsAt(planned, new Date(Date.parse(from) - 1)).minimisation).toEqual([]);
    expect(termsAt(planned, new Date(from)).minimisation).toEqual([noTeacher]);
    mesh.later(9 * DAY);
    await ticks();
    expect((await kept(contract)).terms).toEqual(contract.terms);
    mesh.later(DAY);
    await ticks();
    const bound = await kept(contract);
    expect(bound).toMatchObject({
      state: 'active',
      terms: { minimisation: [noTeacher], quota: { events: 100, per: 'P1D' } },
      datasetRevision: 2,
    });
    expect(bound.digest).not.toBe(contract.digest);
    expect(bound).not.toHaveProperty('termsChange');
    expect(bound.history.map(({ action, to }) => [action, to]).slice(-2)).toEqual([
      ['announce', 'active'],
      ['bind', 'active'],
    ]);
    expect(await newsOf('app')).toEqual(['terms-change-planned', 'terms-changed']);
  });

  test('that is looser leaves contracts in force as they are', async () => {
    await shares({ quota: { events: 10, per: 'P1D' } });
    const contract = await requests();
    const { quota: _, ...looser } = asked.offer;
    asked = { ...asked, offer: looser };
    await shares();
    await ticks();
    expect(await kept(contract)).toEqual(contract);
    expect(await shared()).not.toHaveProperty('offerChangedAt');
  });

  test('that is taken back before its day binds nobody, and both are told', async () => {
    await shares();
    const contract = await requests();
    await shares({ minimisation: [noTeacher] });
    await ticks();
    expect(await kept(contract)).toHaveProperty('termsChange');
    await shares({ minimisation: [] });
    await ticks();
    expect(await kept(contract)).not.toHaveProperty('termsChange');
    mesh.later(31 * DAY);
    await ticks();
    expect((await kept(contract)).terms).toEqual(contract.terms);
    expect(await newsOf('app')).toHaveLength(2);
  });

  test('still binds a contract whose end is put off meanwhile', async () => {
    await shares({ durationDays: 365 });
    const contract = await requests({ until: '2026-06-01T00:00:00Z' });
    await shares({ minimisation: [noTeacher] });
    await ticks();
    const open = await decide(mesh, consumer, contract.id, {
      action: 'extend',
      until: '2026-09-01T00:00:00Z',
    });
    const digest = open.proposed?.digest ?? '';
    const extended = await decide(mesh, provider, contract.id, { action: 'accept', digest });
    expect(extended).toMatchObject({ until: '2026-09-01T00:00:00.000Z', terms: { minimisation: [] } });
    mesh.later(30 * DAY);
    await ticks();
    expect(await kept(contract)).toMatchObject({ terms: { minimisation: [noTeacher] } });
  });

  test('takes a revision with it that was proposed on the terms before', async () => {
    await shares({ durationDays: 365 });
    const contract = await requests({ until: '2026-06-01T00:00:00Z' });
    await shares({ minimisation: [noTeacher] });
    await ticks();
    const open = await decide(mesh, consumer, contract.id, {
      action: 'extend',
      until: '2026-09-01T00:00:00Z',
    });
    mesh.later(30 * DAY);
    const digest = open.proposed?.digest ?? '';
    const refused = await problemOf(decide(mesh, provider, contract.id, { action: 'accept', digest }));
    expect(refused.kind).toBe('conflict');
    await ticks();
    expect(await kept(contract)).not.toHaveProperty('proposed');
  });

  test('binds new contracts at once', async () => {
    await shares();
    await shares({ minimisation: [noTeacher] });
    expect((await requests()).terms.minimisation).toEqual([noTeacher]);
  });

  test('is told to every contract, however many, and then no more is read', async () => {
    await shares();
    const contracts: Contract[] = [];
    for (let count = 0; count < 250; count += 1) contracts.push(await requests());
    await shares({ minimisation: [noTeacher] });
    expect(await announceOffers(mesh)).toBe(250);
    expect(await announceOffers(mesh)).toBe(0);
  });

  test('is told again to a contract that moved in that moment', async () => {
    await shares();
    const contract = await requests();
    await shares({ minimisation: [noTeacher] });
    let raced = false;
    const registry: typeof mesh.registry = {
      ...mesh.registry,
      write: async (changes) => {
        if (!raced) {
          raced = true;
          await decide(mesh, consumer, contract.id, { action: 'suspend', reason: 'just now' });
        }
        return mesh.registry.write(changes);
      },
    };
    expect(await announceOffers({ ...mesh, registry })).toBe(0);
    expect(await announceOffers(mesh)).toBe(1);
    expect(await kept(contract)).toMatchObject({ state: 'suspended', suspendedBy: 'app', termsChange: {} });
  });
});

describe('terms that a changed offer makes stricter', () => {
  test('are within the offer and within what was agreed, and the same where they were already', () => {
    fc.assert(
      fc.property(terms, terms, (agreed, offer) => {
        const bound = tightened(agreed, offer);
        const unbound = ['/terms/durationDays', '/terms/noticeDays'];
        expect(isStricterOrEqual(bound, offer).filter(({ path }) => !unbound.includes(path))).toEqual([]);
        expect(isStricterOrEqual(bound, agreed).map(({ path }) => path)).not.toContain('/terms/minimisation');
        expect(tightened(bound, offer)).toEqual(bound);
        expect(new Set(bound.minimisation.map(({ clause }) => clause)).size).toBe(bound.minimisation.length);
        if (isStricterOrEqual(agreed, offer).length === 0) expect(bound).toEqual(agreed);
      }),
      { numRuns: 1000 },
    );
  });

  test('are announced once', () => {
    fc.assert(
      fc.property(terms, terms, (agreed, offer) => {
        const dataset = given.dataset({ offer: { ...given.datasetRequest().offer, ...offer } });
        const contract = given.contract({ terms: agreed });
        const [at, now] = ['2026-03-01T00:00:00.000Z', new Date('2026-03-01T00:01:00Z')];
        const once = announced(contract, dataset, at, now);
        expect(announced(once, dataset, at, now)).toBe(once);
      }),
    );
  });
});

test('reminders go from the first to the last', () => {
  expect(REMINDERS).toEqual([30, 7, 1]);
});
