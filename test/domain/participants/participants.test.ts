import { beforeEach, describe, expect, test } from 'vitest';
import { createKey, listKeys, revokeKey } from '../../../domain/participants/keys.ts';
import {
  admitParticipant,
  getParticipant,
  patchParticipant,
  whoAmI,
} from '../../../domain/participants/participants.ts';
import type { KeyRequest } from '../../../schemas/participant.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const operator = given.caller('city', { roles: ['provider', 'operator'] });
const atmo = given.caller('atmo');
const everything: KeyRequest = { label: 'spare', scopes: ['publish', 'consume', 'manage'] };
const all = { limit: 50 };

let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory();
});
const admitted = () => admitParticipant(mesh, given.participantRequest());

describe('admitting a participant', () => {
  test('gives a key that identifies it, kept as a hash only, and an ingress bus', async () => {
    const { participant, key } = await admitted();
    expect(participant.ingressBus).toContain('maille-test-in-atmo');
    const identity = await mesh.identify(`Bearer ${key}`);
    expect(identity && whoAmI(identity)).toMatchObject({
      participant: 'atmo',
      roles: ['provider', 'consumer'],
      scopes: ['publish', 'consume', 'manage'],
      ingressBus: participant.ingressBus,
    });
    const { items } = await mesh.registry.list('keysOfParticipant', { participant: 'atmo' }, all);
    expect(JSON.stringify(items)).not.toContain(key.slice(-43));
  });

  test('gives no ingress bus to who only consumes', async () => {
    const { participant } = await admitParticipant(mesh, given.participantRequest({ roles: ['consumer'] }));
    expect(participant.ingressBus).toBeUndefined();
    expect(mesh.ingressBuses.accounts.size).toBe(0);
  });

  test('twice is a 409 that leaves the first as it is', async () => {
    const { key } = await admitted();
    expect(await problemOf(admitted())).toMatchObject({ kind: 'conflict' });
    expect(await mesh.identify(`Bearer ${key}`)).toBeDefined();
  });

  test('leaves nothing behind when the bus cannot be made', async () => {
    const broken = { ...mesh, ingressBuses: { ensure: () => Promise.reject(new Error('too many buses')) } };
    await expect(admitParticipant(broken, given.participantRequest())).rejects.toThrow('too many buses');
    expect(await mesh.registry.read('participant', 'atmo')).toBeUndefined();
    expect((await mesh.registry.list('keysOfParticipant', { participant: 'atmo' }, all)).items).toEqual([]);
    expect((await admitted()).participant.id).toBe('atmo');
  });
});

describe('changing a participant', () => {
  test('suspends and resumes it, and tells it', async () => {
    const { key } = await admitted();
    await patchParticipant(mesh, operator, 'atmo', { status: 'suspended' });
    expect((await mesh.identify(`Bearer ${key}`))?.participant.status).toBe('suspended');
    mesh.later(1);
    await patchParticipant(mesh, operator, 'atmo', { status: 'active' });
    expect(await mesh.noticesOf('atmo')).toEqual([
      'maille.participant.suspended.v1',
      'maille.participant.resumed.v1',
    ]);
  });

  test('of another AWS account opens the ingress bus to it', async () => {
    const { participant } = await admitted();
    await patchParticipant(mesh, operator, 'atmo', { awsAccount: '123456789012' });
    expect(mesh.ingressBuses.accounts.get(participant.ingressBus ?? '')).toBe('123456789012');
  });

  test('does not let an operator shut itself out', async () => {
    await mesh.has('participant', given.participant({ id: 'city' }));
    expect(await problemOf(patchParticipant(mesh, operator, 'city', { status: 'suspended' }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('is seen by itself and the operator, and by nobody else', async () => {
    await admitted();
    expect(await getParticipant(mesh.registry, atmo, 'atmo')).toMatchObject({ id: 'atmo' });
    expect(await getParticipant(mesh.registry, operator, 'atmo')).toMatchObject({ id: 'atmo' });
    const other = await problemOf(getParticipant(mesh.registry, given.caller('lab'), 'atmo'));
    const none = await problemOf(getParticipant(mesh.registry, operator, 'none'));
    expect(other).toEqual({ ...none, detail: none.detail.replace('none', 'atmo') });
  });
});

describe('keys', () => {
  beforeEach(async () => {
    await admitted();
  });

  test('live side by side, so that they rotate without a gap', async () => {
    const first = await createKey(mesh, atmo, 'atmo', everything);
    const second = await createKey(mesh, atmo, 'atmo', everything);
    expect(await mesh.identify(`Bearer ${first.key}`)).toBeDefined();
    await revokeKey(mesh, atmo, 'atmo', first.id);
    expect(await mesh.identify(`Bearer ${first.key}`)).toBeUndefined();
    expect(await mesh.identify(`Bearer ${second.key}`)).toBeDefined();
    const { items } = await listKeys(mesh, atmo, 'atmo', all);
    expect(items).toHaveLength(2);
    expect(JSON.stringify(items)).not.toMatch(/hash|maille_/);
  });

  test('expire', async () => {
    const expiresAt = '2026-03-01T11:00:00Z';
    const { key } = await createKey(mesh, atmo, 'atmo', { ...everything, expiresAt });
    expect(await mesh.identify(`Bearer ${key}`)).toBeDefined();
    mesh.later(3_600_000);
    expect(await mesh.identify(`Bearer ${key}`)).toBeUndefined();
    expect(await problemOf(createKey(mesh, atmo, 'atmo', { ...everything, expiresAt }))).toMatchObject({
      kind: 'not-valid',
    });
  });

  test('carry the roles of the territory only by an operator’s hand', async () => {
    const asked: KeyRequest = { ...everything, role: 'dpo' };
    expect(await problemOf(createKey(mesh, atmo, 'atmo', asked))).toMatchObject({ kind: 'forbidden' });
    const { key } = await createKey(mesh, operator, 'atmo', asked);
    expect((await mesh.identify(`Bearer ${key}`))?.caller.roles).toContain('dpo');
  });

  test('do not give scopes that the asking key lacks', async () => {
    const limited = given.caller('atmo', { scopes: ['manage'] });
    expect(await problemOf(createKey(mesh, limited, 'atmo', everything))).toMatchObject({
      kind: 'forbidden',
    });
    expect(await createKey(mesh, limited, 'atmo', { label: 'm', scopes: ['manage'] })).toMatchObject({
      scopes: ['manage'],
    });
  });

  test('of others are not there: not to make, list or revoke', async () => {
    const lab = given.caller('lab');
    const [mine] = (await listKeys(mesh, atmo, 'atmo', all)).items;
    const id = mine?.id ?? '';
    for (const call of [
      createKey(mesh, lab, 'atmo', everything),
      listKeys(mesh, lab, 'atmo', all),
      revokeKey(mesh, lab, 'atmo', id),
      revokeKey(mesh, lab, 'lab', id),
      createKey(mesh, operator, 'nobody', everything),
    ]) {
      expect(await problemOf(call)).toMatchObject({ kind: 'not-found' });
    }
    expect((await listKeys(mesh, operator, 'atmo', all)).items).toHaveLength(1);
  });
});
