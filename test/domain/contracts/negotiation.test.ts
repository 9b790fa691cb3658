import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { decide, type Decision } from '../../../domain/contracts/decide.ts';
import { makeKey } from '../../../domain/identify.ts';
import { requestContract } from '../../../domain/contracts/request.ts';
import type { Contract, ContractRequest } from '../../../schemas/contract.ts';
import type { Dataset, Offer } from '../../../schemas/dataset.ts';
import type { KeyRequest } from '../../../schemas/participant.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const provider = given.caller('atmo', { roles: ['provider'] });
const consumer = given.caller('app', { roles: ['consumer'] });
const dpo = given.caller('city', { roles: ['dpo'] });
const reason = 'because';
const noTeacher = { clause: 'no-teacher', do: 'drop', path: '/data/teacher' } as const;
const coarse = { clause: 'coarse', do: 'round', path: '/data/co2', to: 100 } as const;

let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory();
});

const shares = (offer: Partial<Offer> = {}, more: Partial<Dataset> = {}) =>
  mesh.has(
    'dataset',
    given.dataset({ ...more, offer: { ...given.datasetRequest().offer, approval: 'provider', ...offer } }),
  );
const requests = (more: Partial<ContractRequest> = {}) =>
  requestContract(mesh, consumer, { dataset: 'school-air', purpose: 'research', ...more }, { dryRun: false });
const does = (caller: typeof provider, { id }: Contract, decision: Decision) =>
  decide(mesh, caller, id, decision);
const accepts = (caller: typeof provider, contract: Contract, digest = contract.digest) =>
  does(caller, contract, { action: 'accept', digest });
const changes = async (dataset: Dataset, offer: Partial<Offer>) => {
  const item = { ...dataset, offer: { ...dataset.offer, ...offer }, revision: dataset.revision + 1 };
  await mesh.registry.write([{ do: 'replace', noun: 'dataset', before: dataset, item }]);
  return item;
};
const path = (contract: Contract) => contract.history.map(({ to }) => to);

describe('a negotiation', () => {
  test('goes from request to counter-offer to agreement, each consent by what it consented to', async () => {
    await shares();
    const requested = await requests();
    const terms = { minimisation: [noTeacher], quota: { events: 100, per: 'P1D' } } as const;
    const offered = await does(provider, requested, {
      action: 'offer',
      terms: { ...terms, minimisation: [noTeacher] },
    });
    expect(offered).toMatchObject({ state: 'offered', terms });
    expect(offered.digest).not.toBe(requested.digest);
    expect(await mesh.noticesOf('app')).toEqual(['maille.contract.offered.v1']);
    expect(await problemOf(accepts(consumer, offered, requested.digest))).toMatchObject({ kind: 'conflict' });
    expect(await problemOf(accepts(provider, offered))).toMatchObject({ kind: 'conflict' });
    const active = await accepts(consumer, offered);
    expect(path(active)).toEqual(['requested', 'offered', 'agreed', 'active']);
    expect(active.consents).toMatchObject([
      { by: 'atmo', as: 'provider', digest: offered.digest },
      { by: 'app', as: 'consumer', digest: offered.digest },
    ]);
  });

  test('goes back and forth: the consumer answers an offer by its own, the provider by another', async () => {
    await shares();
    const requested = await requests();
    const first = await does(provider, requested, {
      action: 'offer',
      terms: { quota: { events: 10, per: 'P1D' } },
    });
    const countered = await does(consumer, first, {
      action: 'offer',
      terms: { quota: { events: 50, per: 'P1D' } },
    });
    expect(countered.state).toBe('requested');
    expect(await problemOf(accepts(consumer, countered))).toMatchObject({ kind: 'conflict' });
    const second = await does(provider, countered, {
      action: 'offer',
      terms: { quota: { events: 30, per: 'P1D' } },
    });
    const corrected = await does(provider, second, {
      action: 'offer',
      terms: { quota: { events: 40, per: 'P1D' } },
    });
    expect(path(corrected)).toEqual(['requested', 'offered', 'requested', 'offered', 'offered']);
    expect((await accepts(consumer, corrected)).terms.quota).toEqual({ events: 40, per: 'P1D' });
  });

  test('is rejected by whose turn it is, with a reason, and is over', async () => {
    await shares();
    const offered = await does(provider, await requests(), {
      action: 'offer',
      terms: { minimisation: [coarse] },
    });
    expect(await problemOf(does(provider, offered, { action: 'reject', reason }))).toMatchObject({
      kind: 'conflict',
    });
    const rejected = await does(consumer, offered, { action: 'reject', reason });
    expect(rejected.history.at(-1)).toMatchObject({ to: 'rejected', by: 'app', reason });
    expect(await problemOf(does(provider, rejected, { action: 'offer', terms: {} }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('is begun by the provider: a consumer has asked already', async () => {
    await shares();
    const problem = await problemOf(does(consumer, await requests(), { action: 'offer', terms: {} }));
    expect(problem.kind).toBe('forbidden');
  });

  test('never offers looser terms than the dataset, and tells each that is', async () => {
    await shares({ minimisation: [noTeacher], quota: { events: 100, per: 'P1D' } });
    const requested = await requests();
    const { kind, errors } = await problemOf(
      does(provider, requested, {
        action: 'offer',
        terms: { minimisation: [coarse], quota: { events: 101, per: 'P1D' } },
      }),
    );
    expect(kind).toBe('not-valid');
    expect(errors?.map(({ path: at }) => at)).toEqual(['/terms/minimisation', '/terms/quota']);
  });

  test('ends within the duration of the terms offered', async () => {
    await shares({ durationDays: 365 });
    const requested = await requests();
    const offered = await does(provider, requested, { action: 'offer', terms: { durationDays: 30 } });
    expect(offered.until).toBe('2026-03-31T00:00:00.000Z');
    mesh.later(40 * 86_400_000);
    const late = await problemOf(does(provider, offered, { action: 'offer', terms: { durationDays: 20 } }));
    expect(late).toMatchObject({ kind: 'not-valid', errors: [{ path: '/terms/durationDays' }] });
  });

  test('does not end in terms that the dataset offers no more', async () => {
    const dataset = await shares();
    const requested = await requests();
    await changes(dataset, { minimisation: [noTeacher], purposes: ['public-information'] });
    const refused = await problemOf(accepts(provider, requested));
    expect(refused.kind).toBe('conflict');
    expect(refused.errors?.map(({ path: at }) => at)).toEqual(['/terms/minimisation', '/purpose']);
  });

  test('of an automatic offer on personal data is agreed at once, and waits for the DPO', async () => {
    await shares({ approval: 'automatic' }, { personalData: true });
    await mesh.has('key', makeKey('city', mesh.now(), randomBytes, { label: 'a key', role: 'dpo' }).item);
    const agreed = await requests({ legalBasis: 'GDPR 6(1)(e)' });
    expect(agreed).toMatchObject({ state: 'agreed', approval: 'provider-and-dpo' });
    expect(await mesh.noticesOf('city')).toEqual(['maille.contract.awaits-dpo.v1']);
    const active = await accepts(dpo, agreed);
    expect(active).toMatchObject({ state: 'active' });
    expect(active.consents?.map(({ as }) => as)).toEqual(['consumer', 'provider', 'dpo']);
  });

  test('that comes to wait for the DPO is told to whoever has a key as DPO, once each time', async () => {
    const key = (participant: string, more: Partial<KeyRequest>) =>
      mesh.has('key', makeKey(participant, mesh.now(), randomBytes, { label: 'a key', ...more }).item);
    await key('city', { role: 'dpo' });
    await key('city', { role: 'dpo' });
    await key('agglo', { role: 'operator' });
    await key('past', { role: 'dpo', expiresAt: mesh.now().toISOString() });
    await shares({}, { personalData: true });
    const agreed = await accepts(provider, await requests({ legalBasis: 'GDPR 6(1)(e)' }));
    const awaits = 'maille.contract.awaits-dpo.v1';
    expect(await mesh.noticesOf('city')).toEqual([awaits]);
    const { items } = await mesh.registry.list('noticesOfParticipant', { participant: 'city' }, { limit: 9 });
    expect(items[0]).toMatchObject({ subject: agreed.id, data: { to: 'agreed', digest: agreed.digest } });
    for (const other of ['agglo', 'past']) expect(await mesh.noticesOf(other)).toEqual([]);
    expect(await mesh.noticesOf('app')).toEqual(['maille.contract.agreed.v1']);
    const standing = await accepts(dpo, agreed);
    const open = await does(provider, standing, { action: 'offer', terms: { minimisation: [noTeacher] } });
    expect(await mesh.noticesOf('city')).toEqual([awaits]);
    const both = await accepts(consumer, open, open.proposed?.digest);
    await does(provider, both, { action: 'suspend', reason });
    expect(await mesh.noticesOf('city')).toEqual([awaits, awaits]);
  });

  test('that the DPO refuses ends with the reason, and both are told', async () => {
    await shares({}, { personalData: true });
    const requested = await requests({ legalBasis: 'GDPR 6(1)(e)' });
    const agreed = await accepts(provider, requested);
    const refused = await does(dpo, agreed, { action: 'reject', reason: 'no basis' });
    expect(refused.history.at(-1)).toMatchObject({ to: 'terminated', by: 'city', reason: 'no basis' });
    expect(await mesh.noticesOf('atmo')).toContain('maille.contract.terminated.v1');
    expect(await mesh.noticesOf('app')).toContain('maille.contract.terminated.v1');
  });
});

describe('a signature', () => {
  const keys = generateKeyPairSync('ed25519');
  const publicKey = Buffer.from(keys.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString(
    'base64',
  );
  const signed = (digest: string) => sign(null, Buffer.from(digest), keys.privateKey).toString('base64');

  test('over the digest proves itself by the registered key, and stays with the contract', async () => {
    await shares();
    await mesh.has('participant', given.participant({ id: 'app', publicKey }));
    const request = { dataset: 'school-air', purpose: 'research' };
    const { digest } = await requestContract(mesh, consumer, request, { dryRun: true });
    const contract = await requests({ digest, signature: signed(digest) });
    expect(contract.consents).toEqual([
      {
        by: 'app',
        as: 'consumer',
        at: mesh.now().toISOString(),
        digest,
        signature: signed(digest),
        publicKey,
      },
    ]);
    expect((await accepts(provider, contract)).consents?.[0]).toHaveProperty('signature', signed(digest));
  });

  test('over something else, or without a key, is refused', async () => {
    await shares();
    await mesh.has('participant', given.participant({ id: 'app', publicKey }));
    await mesh.has('participant', given.participant({ id: 'atmo' }));
    expect(await problemOf(requests({ signature: signed('another digest') }))).toMatchObject({
      kind: 'not-valid',
      errors: [{ path: '/signature' }],
    });
    const contract = await requests();
    const { digest } = contract;
    const accept = { action: 'accept', digest, signature: signed(digest) } as const;
    expect(await problemOf(does(provider, contract, accept))).toMatchObject({
      kind: 'not-valid',
      errors: [{ path: '/signature', message: expect.stringContaining('needs a publicKey') }],
    });
  });
});

describe('a revision of a contract in force', () => {
  const until = '2026-06-01T00:00:00.000Z';
  const inForce = async (more: Partial<Dataset> = {}, offer: Partial<Offer> = {}) => {
    await shares({ approval: 'automatic', durationDays: 100, ...offer }, more);
    return requests({ until, legalBasis: 'GDPR 6(1)(e)' });
  };

  test('leaves the standing terms until the other party accepts it', async () => {
    const standing = await inForce();
    const open = await does(provider, standing, { action: 'offer', terms: { minimisation: [noTeacher] } });
    expect(open).toMatchObject({
      state: 'active',
      digest: standing.digest,
      terms: { minimisation: [] },
      proposed: { by: 'provider', terms: { minimisation: [noTeacher] } },
    });
    expect(await mesh.noticesOf('app')).toEqual(['maille.contract.revision-proposed.v1']);
    expect(await problemOf(accepts(provider, open, open.proposed?.digest))).toMatchObject({
      kind: 'conflict',
    });
    expect(await problemOf(accepts(consumer, open))).toMatchObject({ kind: 'conflict' });
    const revised = await accepts(consumer, open, open.proposed?.digest);
    expect(revised).toMatchObject({ state: 'active', terms: { minimisation: [noTeacher] } });
    expect(revised.digest).toBe(open.proposed?.digest);
    expect(revised).not.toHaveProperty('proposed');
    expect(revised.consents?.map(({ as, digest }) => [as, digest])).toEqual([
      ['provider', revised.digest],
      ['consumer', revised.digest],
    ]);
    expect(await mesh.noticesOf('atmo')).toContain('maille.contract.revised.v1');
  });

  test('that is rejected leaves the contract as it was', async () => {
    const standing = await inForce();
    const open = await does(provider, standing, { action: 'offer', terms: { minimisation: [noTeacher] } });
    const kept = await does(consumer, open, { action: 'reject', reason });
    expect(kept).toMatchObject({ state: 'active', digest: standing.digest, terms: standing.terms });
    expect(kept).not.toHaveProperty('proposed');
    expect(await mesh.noticesOf('atmo')).toContain('maille.contract.revision-rejected.v1');
  });

  test('extends it when either asks and the other accepts, also while it is suspended', async () => {
    const standing = await inForce();
    const suspended = await does(provider, standing, { action: 'suspend', reason });
    const asked = await does(consumer, suspended, { action: 'extend', until: '2026-09-01T00:00:00Z' });
    const extended = await accepts(provider, asked, asked.proposed?.digest);
    expect(extended).toMatchObject({
      state: 'suspended',
      suspendedBy: 'atmo',
      until: '2026-09-01T00:00:00.000Z',
    });
    expect(extended.terms).toEqual(standing.terms);
  });

  test.each([
    ['2026-06-01T00:00:00Z', /later than the end/],
    ['2026-12-01T00:00:00Z', /within 100 days/],
  ])('does not extend to %s', async (to, message) => {
    const refused = await problemOf(does(consumer, await inForce(), { action: 'extend', until: to }));
    expect(refused).toMatchObject({ kind: 'not-valid', errors: [{ path: '/until' }] });
    expect(refused.errors?.[0]?.message).toMatch(message);
  });

  test('waits for the DPO too where the contract needs one', async () => {
    const agreed = await inForce({ personalData: true });
    const standing = await accepts(dpo, agreed);
    const open = await does(provider, standing, { action: 'offer', terms: { minimisation: [noTeacher] } });
    const both = await accepts(consumer, open, open.proposed?.digest);
    expect(both).toMatchObject({ terms: { minimisation: [] }, proposed: { agreed: true } });
    expect(await problemOf(accepts(consumer, both, open.proposed?.digest))).toMatchObject({
      kind: 'conflict',
    });
    const revised = await accepts(dpo, both, open.proposed?.digest);
    expect(revised.terms.minimisation).toEqual([noTeacher]);
    expect(revised.consents?.map(({ as }) => as)).toEqual(['provider', 'consumer', 'dpo']);
  });

  test('of nothing is refused', async () => {
    expect(await problemOf(does(provider, await inForce(), { action: 'offer', terms: {} }))).toMatchObject({
      kind: 'not-valid',
    });
  });

  test('goes with the contract when it ends', async () => {
    const open = await does(provider, await inForce(), {
      action: 'offer',
      terms: { minimisation: [coarse] },
    });
    const ended = await does(consumer, open, { action: 'terminate', reason });
    expect(ended).not.toHaveProperty('proposed');
    expect(await problemOf(accepts(consumer, ended, open.proposed?.digest))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('that races with its own replacement leaves one winner and one 409', async () => {
    const open = await does(provider, await inForce(), {
      action: 'offer',
      terms: { minimisation: [coarse] },
    });
    const both = await Promise.allSettled([
      accepts(consumer, open, open.proposed?.digest),
      does(provider, open, { action: 'offer', terms: { minimisation: [noTeacher] } }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});
