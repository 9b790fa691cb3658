import { beforeEach, describe, expect, test } from 'vitest';
import { listContracts, readContract } from '../../../domain/contracts/contracts.ts';
import { decide } from '../../../domain/contracts/decide.ts';
import { requestContract } from '../../../domain/contracts/request.ts';
import { settleContracts } from '../../../domain/contracts/settle.ts';
import type { Contract, ContractRequest } from '../../../schemas/contract.ts';
import type { Offer } from '../../../schemas/dataset.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const provider = given.caller('atmo', { roles: ['provider'] });
const consumer = given.caller('app', { roles: ['consumer'] });
const stranger = given.caller('lab');
const dpo = given.caller('city', { roles: ['provider', 'dpo'] });
const request: ContractRequest = { dataset: 'school-air', purpose: 'research' };
const real = { dryRun: false };

let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory();
});
const offered = (offer: Partial<Offer> = {}, more = {}) =>
  mesh.has('dataset', given.dataset({ ...more, offer: { ...given.datasetRequest().offer, ...offer } }));

describe('a request', () => {
  test('of an automatic offer is active at once, through all the states, and the provider is told', async () => {
    await offered();
    const contract = await requestContract(mesh, consumer, request, real);
    expect(contract).toMatchObject({ state: 'active', provider: 'atmo', consumer: 'app', revision: 1 });
    expect(contract.history.map(({ to }) => to)).toEqual(['requested', 'agreed', 'active']);
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.contract.active.v1']);
    expect(await mesh.registry.read('contract', contract.id)).toEqual(contract);
  });

  test('of an offer that the provider approves waits for it', async () => {
    await offered({ approval: 'provider' });
    expect(await requestContract(mesh, consumer, request, real)).toMatchObject({ state: 'requested' });
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.contract.requested.v1']);
  });

  test('as a dry run keeps nothing, and its digest can be repeated', async () => {
    await offered({ durationDays: 30 });
    const dry = await requestContract(mesh, consumer, request, { dryRun: true });
    expect((await listContracts(mesh.registry, consumer, {}, { limit: 50 })).items).toEqual([]);
    mesh.later(60_000);
    const contract = await requestContract(mesh, consumer, { ...request, digest: dry.digest }, real);
    expect(contract.digest).toBe(dry.digest);
    expect(contract.until).toBe('2026-03-31T00:00:00.000Z');
    const other = { ...request, purpose: 'public-information', digest: dry.digest };
    expect(await problemOf(requestContract(mesh, consumer, other, real))).toMatchObject({ kind: 'conflict' });
  });

  test('that delays for longer than events are kept is refused: nothing would ever come', async () => {
    await offered({}, { retentionDays: 1 });
    const terms = { minimisation: [{ clause: 'late', do: 'delay' as const, by: 'P1D' }] };
    expect(await problemOf(requestContract(mesh, consumer, { ...request, terms }, real))).toMatchObject({
      kind: 'not-valid',
      errors: [{ path: '/terms/minimisation/0/by' }],
    });
  });

  test('that is wrong in several ways is told all of them', async () => {
    await offered(
      {
        minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }],
        quota: { events: 10, per: 'P1D' },
      },
      { personalData: true },
    );
    const wrong: ContractRequest = {
      dataset: 'school-air',
      purpose: 'advertising',
      types: ['org.example.noise.v1'],
      until: '2026-02-01T00:00:00Z',
      terms: { minimisation: [], quota: { events: 1000, per: 'P1D' } },
      signature: 'c2lnbmVk',
    };
    const { kind, errors } = await problemOf(requestContract(mesh, consumer, wrong, real));
    expect(kind).toBe('not-valid');
    expect(errors?.map(({ path }) => path).sort()).toEqual(
      [
        '/legalBasis',
        '/purpose',
        '/signature',
        '/terms/minimisation',
        '/terms/quota',
        '/types/0',
        '/until',
        '/until',
      ].sort(),
    );
  });

  test('may add clauses of minimisation to those offered', async () => {
    const standing = { clause: 'no-teacher', do: 'drop', path: '/data/teacher' } as const;
    const added = { clause: 'coarse', do: 'round', path: '/data/co2', to: 100 } as const;
    await offered({ minimisation: [standing] });
    const contract = await requestContract(
      mesh,
      consumer,
      { ...request, terms: { minimisation: [added, standing] } },
      real,
    );
    expect(contract.terms.minimisation).toEqual([added, standing]);
    const looser = { ...request, terms: { minimisation: [{ ...standing, path: '/data/room' }] } };
    expect(await problemOf(requestContract(mesh, consumer, looser, real))).toMatchObject({
      kind: 'not-valid',
    });
  });

  test('on a restricted dataset needs to be named; otherwise the dataset is not there', async () => {
    await offered({}, { access: 'restricted', visibleTo: ['app'] });
    expect(await requestContract(mesh, consumer, request, real)).toMatchObject({ state: 'active' });
    const hidden = await problemOf(requestContract(mesh, stranger, request, real));
    const missing = await problemOf(requestContract(mesh, stranger, { ...request, dataset: 'none' }, real));
    expect(hidden.kind).toBe('not-found');
    expect(hidden.detail.replace('school-air', 'none')).toBe(missing.detail);
  });

  test('that races with a changed offer does not bind to the old one', async () => {
    const dataset = await offered();
    const registry: typeof mesh.registry = {
      ...mesh.registry,
      write: async (changes) => {
        await mesh.registry.write([
          { do: 'replace', noun: 'dataset', before: dataset, item: { ...dataset, revision: 2 } },
        ]);
        return mesh.registry.write(changes);
      },
    };
    expect(await problemOf(requestContract({ ...mesh, registry }, consumer, request, real))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('that starts later is agreed until its day, when the clock starts it and tells both', async () => {
    await offered();
    const from = '2026-03-02T00:00:00.000Z';
    const contract = await requestContract(
      mesh,
      consumer,
      { ...request, from, until: '2026-03-03T00:00:00Z' },
      real,
    );
    expect(contract.state).toBe('agreed');
    expect(await settleContracts(mesh)).toBe(0);
    mesh.later(86_400_000);
    expect(await settleContracts(mesh)).toBe(1);
    expect((await mesh.noticesOf('app')).sort()).toEqual([
      'maille.contract.active.v1',
      'maille.contract.ending.v1',
    ]);
    mesh.later(86_400_000);
    expect(await settleContracts(mesh)).toBe(1);
    expect((await mesh.registry.read('contract', contract.id))?.state).toBe('expired');
    expect(await settleContracts(mesh)).toBe(0);
  });
});

describe('a decision', () => {
  beforeEach(() => offered());
  const having = (more: Partial<Contract> = {}) => mesh.has('contract', given.contract(more));
  const reason = 'because';

  test('accepts by digest, and tells the other party', async () => {
    const { id, digest } = await having({ state: 'requested' });
    const stale = await problemOf(decide(mesh, provider, id, { action: 'accept', digest: 'f'.repeat(64) }));
    expect(stale.kind).toBe('conflict');
    const accepted = await decide(mesh, provider, id, { action: 'accept', digest });
    expect(accepted.state).toBe('active');
    expect(accepted.history.slice(1).map(({ to, by }) => [to, by])).toEqual([
      ['agreed', 'atmo'],
      ['active', 'mesh'],
    ]);
    expect(await mesh.noticesOf('app')).toEqual(['maille.contract.active.v1']);
    expect(await mesh.noticesOf('atmo')).toEqual([]);
  });

  test('is not the consumer’s where the provider’s turn is', async () => {
    const { id, digest } = await having({ state: 'requested' });
    expect(await problemOf(decide(mesh, consumer, id, { action: 'accept', digest }))).toMatchObject({
      kind: 'conflict',
    });
    expect(await problemOf(decide(mesh, consumer, id, { action: 'reject', reason }))).toMatchObject({
      kind: 'conflict',
    });
    expect(await decide(mesh, provider, id, { action: 'reject', reason })).toMatchObject({
      state: 'rejected',
    });
  });

  test('of the DPO comes after the provider’s, and only once', async () => {
    const { id, digest } = await having({ state: 'requested', approval: 'provider-and-dpo' });
    expect(await problemOf(decide(mesh, dpo, id, { action: 'accept', digest }))).toMatchObject({
      kind: 'conflict',
    });
    expect(await decide(mesh, provider, id, { action: 'accept', digest })).toMatchObject({ state: 'agreed' });
    expect(await problemOf(decide(mesh, provider, id, { action: 'accept', digest }))).toMatchObject({
      kind: 'conflict',
    });
    expect(await decide(mesh, dpo, id, { action: 'accept', digest })).toMatchObject({ state: 'active' });
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.contract.active.v1']);
  });

  test('of the DPO has no place in a contract that only awaits its day', async () => {
    const { id, digest } = await having({ state: 'agreed', from: '2027-01-01T00:00:00Z' });
    expect(await problemOf(decide(mesh, dpo, id, { action: 'accept', digest }))).toMatchObject({
      kind: 'conflict',
    });
    expect(await problemOf(decide(mesh, dpo, id, { action: 'reject', reason }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('to resume is for who suspended', async () => {
    const { id } = await having();
    await decide(mesh, consumer, id, { action: 'suspend', reason });
    expect(await problemOf(decide(mesh, provider, id, { action: 'resume' }))).toMatchObject({
      kind: 'forbidden',
    });
    const resumed = await decide(mesh, consumer, id, { action: 'resume' });
    expect(resumed.state).toBe('active');
    expect(resumed).not.toHaveProperty('suspendedBy');
  });

  test('to terminate keeps its reason, and nothing follows', async () => {
    const { id, digest } = await having();
    const ended = await decide(mesh, consumer, id, { action: 'terminate', reason: 'the study is over' });
    expect(ended.history.at(-1)).toMatchObject({ to: 'terminated', by: 'app', reason: 'the study is over' });
    for (const action of ['suspend', 'terminate'] as const) {
      expect(await problemOf(decide(mesh, provider, id, { action, reason }))).toMatchObject({
        kind: 'conflict',
      });
    }
    expect(await problemOf(decide(mesh, provider, id, { action: 'accept', digest }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('on somebody else’s contract finds nothing, as on none', async () => {
    const { id } = await having();
    const other = await problemOf(decide(mesh, stranger, id, { action: 'terminate', reason }));
    const none = await problemOf(decide(mesh, stranger, 'ctr_none', { action: 'terminate', reason }));
    expect(other).toEqual({ ...none, detail: none.detail.replace('ctr_none', id) });
  });

  test('that races leaves one winner and one 409, and one notice', async () => {
    const { id } = await having();
    // Both read before either writes.
    const both = await Promise.allSettled([
      decide(mesh, provider, id, { action: 'suspend', reason }),
      decide(mesh, consumer, id, { action: 'terminate', reason }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = both.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(lost.reason).toMatchObject({ problem: { kind: 'conflict' } });
    const kept = await mesh.registry.read('contract', id);
    expect(kept?.history).toHaveLength(2);
    expect([...(await mesh.noticesOf('atmo')), ...(await mesh.noticesOf('app'))]).toHaveLength(1);
  });
});

describe('contracts', () => {
  test('are listed page by page as provider, then as consumer, each once', async () => {
    const ids: string[] = [];
    for (const more of [
      {},
      {},
      { provider: 'app', consumer: 'atmo' },
      { provider: 'app', consumer: 'atmo' },
      { provider: 'atmo', consumer: 'atmo' },
    ]) {
      ids.push((await mesh.has('contract', given.contract(more))).id);
    }
    await mesh.has('contract', given.contract({ provider: 'app', consumer: 'lab' }));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listContracts(
        mesh.registry,
        provider,
        {},
        { limit: 2, ...(cursor !== undefined && { cursor }) },
      );
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen.sort()).toEqual(ids.sort());
  });

  test('are narrowed by state, dataset and role', async () => {
    const mine = await mesh.has('contract', given.contract({ state: 'suspended' }));
    await mesh.has('contract', given.contract());
    await mesh.has('contract', given.contract({ dataset: 'noise', state: 'suspended' }));
    const query = { state: 'suspended', dataset: 'school-air' } as const;
    expect((await listContracts(mesh.registry, provider, query, { limit: 50 })).items).toEqual([mine]);
    expect(
      (await listContracts(mesh.registry, provider, { ...query, role: 'consumer' }, { limit: 50 })).items,
    ).toEqual([]);
    expect((await listContracts(mesh.registry, dpo, query, { limit: 50 })).items).toEqual([mine]);
    expect((await listContracts(mesh.registry, stranger, query, { limit: 50 })).items).toEqual([]);
  });

  test('that wait for the DPO are found by it, whatever the dataset, page by page', async () => {
    const waiting = [
      await mesh.has('contract', given.contract({ dataset: 'noise', state: 'agreed' })),
      await mesh.has('contract', given.contract({ provider: 'city', state: 'agreed' })),
    ];
    await mesh.has('contract', given.contract());
    const page = { limit: 1 };
    const first = await listContracts(mesh.registry, dpo, { state: 'agreed' }, page);
    const cursor = first.next ?? '';
    const second = await listContracts(mesh.registry, dpo, { state: 'agreed' }, { ...page, cursor });
    expect([...first.items, ...second.items]).toEqual(waiting);
    expect(second.next).toBeNull();
    expect((await listContracts(mesh.registry, stranger, { state: 'agreed' }, page)).items).toEqual([]);
    expect((await listContracts(mesh.registry, provider, { state: 'agreed' }, page)).items).toEqual([
      waiting[0],
    ]);
  });

  test('of one dataset and state end with it, for operator and DPO', async () => {
    const air = [await mesh.has('contract', given.contract()), await mesh.has('contract', given.contract())];
    await mesh.has('contract', given.contract({ dataset: 'zebra' }));
    const query = { state: 'active', dataset: 'school-air' } as const;
    const { items, next } = await listContracts(mesh.registry, dpo, query, { limit: 2 });
    expect(items).toEqual(air);
    const rest = await listContracts(mesh.registry, dpo, query, { limit: 2, cursor: next ?? '' });
    expect(rest).toEqual({ items: [], next: null });
  });

  test('are read by parties, DPO and operator', async () => {
    const { id } = await mesh.has('contract', given.contract());
    for (const caller of [provider, consumer, dpo, given.caller('city', { roles: ['operator'] })]) {
      expect(await readContract(mesh.registry, caller, id)).toMatchObject({ id });
    }
    expect(await problemOf(readContract(mesh.registry, stranger, id))).toMatchObject({ kind: 'not-found' });
  });
});
