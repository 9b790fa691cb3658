import { beforeEach, describe, expect, test } from 'vitest';
import { onceOnly } from '../../domain/idempotency.ts';
import { digestOf } from '../../events/canonical.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { type MemoryMesh, meshInMemory, problemOf } from './mesh.ts';

let mesh: MemoryMesh;
let performed: number;
beforeEach(() => {
  mesh = meshInMemory();
  performed = 0;
});
const rank = { roles: ['provider', 'consumer'], scopes: ['manage'] };
const call = { participant: 'app', rank, key: 'k-1', request: 'POST /v1/contracts {}' };
const perform = async () => {
  performed += 1;
  return { status: 201, json: { secret: `whsec_${performed}` } };
};

describe('a call under an Idempotency-Key', () => {
  test('is performed once, and answered the same for a day', async () => {
    const first = await onceOnly(mesh, call, perform);
    mesh.later(86_399_000);
    expect(await onceOnly(mesh, call, perform)).toEqual({ answer: first.answer, repeated: true });
    mesh.later(1000);
    expect(await onceOnly(mesh, call, perform)).toMatchObject({ repeated: false });
    expect(performed).toBe(2);
  });

  test('keeps its answer sealed, and its key as a digest', async () => {
    await onceOnly(mesh, call, perform);
    const kept = await mesh.registry.read('answer', `app/${digestOf('k-1\nconsumer\nprovider\nmanage')}`);
    expect(kept?.answer).toBeDefined();
    expect(JSON.stringify(kept)).not.toMatch(/whsec_1|k-1/);
  });

  test('for another request is refused', async () => {
    await onceOnly(mesh, call, perform);
    const other = { ...call, request: 'POST /v1/contracts {"a":1}' };
    expect(await problemOf(onceOnly(mesh, other, perform))).toMatchObject({ kind: 'not-valid' });
    expect(performed).toBe(1);
  });

  test('of another participant is another call', async () => {
    await onceOnly(mesh, call, perform);
    expect(await onceOnly(mesh, { ...call, participant: 'lab' }, perform)).toMatchObject({ repeated: false });
  });

  test('of a key that may do less, or more, is another call', async () => {
    await onceOnly(mesh, call, perform);
    const same = { roles: ['consumer', 'provider'], scopes: ['manage'] };
    expect(await onceOnly(mesh, { ...call, rank: same }, perform)).toMatchObject({ repeated: true });
    for (const other of [
      { ...rank, roles: ['provider', 'consumer', 'operator'] },
      { ...rank, scopes: ['manage', 'publish'] },
    ])
      expect(await onceOnly(mesh, { ...call, rank: other }, perform)).toMatchObject({ repeated: false });
  });

  test('waits for the first one, but not for one that died', async () => {
    let finish: (value: { status: number }) => void = () => undefined;
    const slow = onceOnly(mesh, call, () => new Promise<{ status: number }>((resolve) => (finish = resolve)));
    expect(await problemOf(onceOnly(mesh, call, perform))).toMatchObject({ kind: 'conflict', retryAfter: 1 });
    finish({ status: 201 });
    expect(await slow).toMatchObject({ answer: { status: 201 } });

    void onceOnly(mesh, { ...call, key: 'k-2' }, () => new Promise(() => undefined));
    mesh.later(61_000);
    expect(await onceOnly(mesh, { ...call, key: 'k-2' }, perform)).toMatchObject({ repeated: false });
  });

  test('that was refused is refused the same; one that failed is performed again', async () => {
    const refuse = async () => {
      performed += 1;
      throw new ProblemError('not-valid', 'no such purpose', {
        errors: [{ path: '/purpose', message: 'no' }],
      });
    };
    const first = await problemOf(onceOnly(mesh, call, refuse));
    expect(await problemOf(onceOnly(mesh, call, perform))).toEqual(first);
    expect(performed).toBe(1);

    const fail = () => Promise.reject(new Error('table down'));
    await expect(onceOnly(mesh, { ...call, key: 'k-2' }, fail)).rejects.toThrow('table down');
    const busy = () => Promise.reject(new ProblemError('unavailable', 'busy'));
    await expect(onceOnly(mesh, { ...call, key: 'k-2' }, busy)).rejects.toThrow('busy');
    expect(await onceOnly(mesh, { ...call, key: 'k-2' }, perform)).toMatchObject({ repeated: false });
  });

  test.each(['', 'a b', 'é', 'k'.repeat(256)])('must have a key of printable ASCII, not %j', async (key) => {
    expect(await problemOf(onceOnly(mesh, { ...call, key }, perform))).toMatchObject({ kind: 'not-valid' });
  });
});
