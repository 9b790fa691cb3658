import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cachedIdentify, identify, makeKey, parseKey } from '../../domain/identify.ts';
import type { Registry } from '../../domain/ports.ts';
import type { ApiKey, Participant } from '../../schemas/participant.ts';

const NOW = new Date('2026-03-01T10:00:00.000Z');
const atmo: Participant = {
  id: 'atmo',
  name: 'Atmo',
  roles: ['provider'],
  contact: { name: 'A', email: 'a@example.org' },
  status: 'active',
  createdAt: NOW.toISOString(),
};

function world(keys: ApiKey[], participants: Participant[] = [atmo]) {
  let reads = 0;
  let now = NOW;
  // A cast, because a stub of one method cannot follow the mapped type of its answer.
  const readAll = (async (refs: { noun: string; id: string }[]) => {
    reads += 1;
    return refs.map(({ noun, id }) => (noun === 'key' ? keys : participants).find((item) => item.id === id));
  }) as unknown as Registry['readAll'];
  return {
    deps: { registry: { readAll }, now: () => now },
    reads: () => reads,
    keys,
    later: (ms: number) => {
      now = new Date(now.getTime() + ms);
    },
  };
}

describe('a key', () => {
  test('is made of the participant, an id and 256 bits, and kept as a hash', () => {
    const { text, item } = makeKey('atmo', NOW, randomBytes);
    expect(text).toMatch(/^maille_atmo_[0-9A-Z]{26}_[A-Za-z0-9_-]{43}$/);
    const secret = parseKey(text)?.secret ?? '';
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(JSON.stringify(item)).not.toContain(secret);
    expect(item.id).toBe(parseKey(text)?.id);
  });

  test.each([
    '',
    'maille_atmo',
    'maille_atmo_01J_x',
    'Maille_atmo_01J00000000000000000000000_' + 'a'.repeat(43),
  ])('is not %s', (text) => expect(parseKey(text)).toBeUndefined());
});

describe('identify', () => {
  test('tells the caller with the roles of participant and key, in one read', async () => {
    const { text, item } = makeKey('atmo', NOW, randomBytes, {
      label: 'ops',
      role: 'operator',
      scopes: ['manage'],
    });
    const given = world([item]);
    const identity = await identify(given.deps, `Bearer ${text}`);
    expect(identity?.caller).toEqual({
      participant: 'atmo',
      key: item.id,
      roles: ['provider', 'operator'],
      scopes: ['manage'],
    });
    expect(given.reads()).toBe(1);
  });

  test('tells nobody for a wrong secret, an unknown key, another participant, an expired key or no header', async () => {
    const { text, item } = makeKey('atmo', NOW, randomBytes);
    const other = { ...atmo, id: 'lab' };
    const tampered = text.slice(0, -2) + (text.endsWith('A_') ? 'BB' : 'A_');
    expect(await identify(world([item]).deps, `Bearer ${tampered}`)).toBeUndefined();
    expect(await identify(world([]).deps, `Bearer ${text}`)).toBeUndefined();
    expect(
      await identify(world([item], [atmo, other]).deps, `Bearer ${text.replace('atmo', 'lab')}`),
    ).toBeUndefined();
    const expired = { ...item, expiresAt: NOW.toISOString() };
    expect(await identify(world([expired]).deps, `Bearer ${text}`)).toBeUndefined();
    expect(await identify(world([item]).deps, undefined)).toBeUndefined();
    expect(await identify(world([item]).deps, `Basic ${text}`)).toBeUndefined();
    expect(await identify(world([item]).deps, `bearer ${text}`)).toBeDefined();
  });

  test('identifies a suspended participant, and says so', async () => {
    const { text, item } = makeKey('atmo', NOW, randomBytes);
    const identity = await identify(world([item], [{ ...atmo, status: 'suspended' }]).deps, `Bearer ${text}`);
    expect(identity?.participant.status).toBe('suspended');
  });
});

describe('cachedIdentify', () => {
  test('reads once within its freshness, and again after', async () => {
    const { text, item } = makeKey('atmo', NOW, randomBytes);
    const given = world([item]);
    const who = cachedIdentify(given.deps, { freshnessMs: 2000 });
    await who(`Bearer ${text}`);
    given.later(1999);
    expect(await who(`Bearer ${text}`)).toBeDefined();
    expect(given.reads()).toBe(1);
    given.keys.pop();
    given.later(1);
    expect(await who(`Bearer ${text}`)).toBeUndefined();
    expect(given.reads()).toBe(2);
  });

  test('does not outlive the key, and does not keep who is unknown', async () => {
    const { text, item } = makeKey('atmo', NOW, randomBytes, {
      label: 'short',
      expiresAt: new Date(NOW.getTime() + 500).toISOString(),
    });
    const given = world([]);
    const who = cachedIdentify(given.deps, { freshnessMs: 2000 });
    expect(await who(`Bearer ${text}`)).toBeUndefined();
    given.keys.push(item);
    expect(await who(`Bearer ${text}`)).toBeDefined();
    given.later(500);
    expect(await who(`Bearer ${text}`)).toBeUndefined();
  });

  test('keeps no more than its bound', async () => {
    const made = Array.from({ length: 3 }, () => makeKey('atmo', NOW, randomBytes));
    const given = world(made.map(({ item }) => item));
    const who = cachedIdentify(given.deps, { freshnessMs: 2000, max: 2 });
    for (const { text } of made) await who(`Bearer ${text}`);
    await who(`Bearer ${made[0]?.text}`);
    expect(given.reads()).toBe(4);
  });
});
