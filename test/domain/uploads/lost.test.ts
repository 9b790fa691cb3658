import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { beginUpload, getUpload } from '../../../domain/uploads/begin.ts';
import { type CheckDeps, checkUpload } from '../../../domain/uploads/check.ts';
import { completeUpload } from '../../../domain/uploads/complete.ts';
import { cancelUpload, endUpload, sweepUploads } from '../../../domain/uploads/end.ts';
import { hold, HELD_SECONDS } from '../../../domain/uploads/hold.ts';
import { eventKey } from '../../../events/key.ts';
import { type Upload, uploadRequest } from '../../../schemas/upload.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { meshInMemory, type MemoryMesh, problemOf } from '../mesh.ts';

const atmo = given.caller('atmo');
const picture = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 256));
const rows = Buffer.from('{"co2":1}\n{"co2":"high"}\n{"co2":3}\n');
let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = meshInMemory();
  await mesh.has('participant', given.participant());
  await mesh.has('dataset', given.dataset());
  await mesh.has('schema', { dataset: 'school-air', type: TYPE, version: 1, createdAt: '', schema: SCHEMA });
});

/** An upload whose file was put. */
const waiting = async (contentType = 'image/png', body = picture): Promise<Upload> => {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const declared = { dataset: 'school-air', type: TYPE, contentType, bytes: body.length, sha256 };
  const { upload } = await beginUpload(mesh, atmo, uploadRequest.parse(declared));
  await mesh.payloads.put({ name: upload.name, body, contentType });
  return upload;
};
const entryOf = async (id: string) =>
  (await mesh.ledger.read([eventKey('school-air', '//test/atmo', id)], mesh.now()))[0];
const crash = () => Promise.reject(new Error('crashed'));

/** A check that is stopped by its so-many-th write of the registry, and can do nothing after. */
const stoppedAt = (write: number): CheckDeps => {
  let writes = 0;
  const registry = {
    ...mesh.uploading.registry,
    write: (changes: never) => ((writes += 1) >= write ? crash() : mesh.registry.write(changes)),
  };
  return { ...mesh.uploading, registry };
};

describe('an accepted file whose check was stopped before it could say so', () => {
  const stopped = async (): Promise<Upload> => {
    const upload = await waiting();
    // Its first write holds the upload, its second one ends it.
    await expect(checkUpload(stoppedAt(2), upload.id)).rejects.toThrow('crashed');
    expect(await entryOf(upload.id)).toBeDefined();
    return upload;
  };
  const isWhole = async (upload: Upload): Promise<void> => {
    expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({
      state: 'accepted',
      event: { id: upload.id, digest: (await entryOf(upload.id))?.digest },
    });
    expect(mesh.payloads.kept.get(upload.name)).toEqual(picture);
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.upload.accepted.v1']);
  };

  test('is told accepted by the next beat after its hold is over, not before', async () => {
    const upload = await stopped();
    await sweepUploads(mesh, mesh.now());
    expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'checking' });
    mesh.later((HELD_SECONDS + 1) * 1000);
    await sweepUploads(mesh, mesh.now());
    await isWhole(upload);
  });

  test('is told accepted when its time is over, though it cannot be checked any more', async () => {
    const upload = await stopped();
    const later = new Date(Date.parse(upload.expiresAt) + 3_600_000);
    await sweepUploads({ ...mesh, checkUpload: crash }, later);
    await isWhole(upload);
  });

  test('cannot be given up', async () => {
    const upload = await stopped();
    expect(await problemOf(cancelUpload(mesh, atmo, upload.id))).toMatchObject({
      kind: 'conflict',
      detail: expect.stringContaining('may be an event already'),
    });
    mesh.later((HELD_SECONDS + 1) * 1000);
    expect(await problemOf(cancelUpload(mesh, atmo, upload.id))).toMatchObject({ kind: 'conflict' });
    await completeUpload(mesh, atmo, upload.id);
    await isWhole(upload);
  });
});

test('a file is not taken away by who gives it up while it becomes an event', async () => {
  const upload = await waiting();
  const told: string[] = [];
  const ledger: CheckDeps['ledger'] = {
    ...mesh.ledger,
    append: async (entries) => {
      const results = await mesh.ledger.append(entries);
      told.push((await problemOf(cancelUpload(mesh, atmo, upload.id))).kind);
      return results;
    },
  };
  expect(await checkUpload({ ...mesh.uploading, ledger }, upload.id)).toBe('ended');
  expect(told).toEqual(['conflict']);
  expect(await entryOf(upload.id)).toBeDefined();
  expect(mesh.payloads.kept.has(upload.name)).toBe(true);
});

test('a file stays where its check held it in the moment in which it was given up', async () => {
  const upload = await waiting();
  expect(await hold(mesh, upload)).toMatchObject({ state: 'checking' });
  expect(await endUpload(mesh, upload, { state: 'cancelled' }, mesh.now())).toMatchObject({
    state: 'checking',
  });
  expect(mesh.payloads.kept.has(upload.name)).toBe(true);
});

test('a file that is given up before its check holds it becomes no event', async () => {
  const upload = await waiting();
  const open = async (name: string) => {
    const file = await mesh.payloads.open(name);
    await cancelUpload(mesh, atmo, upload.id);
    return file;
  };
  const payloads = { ...mesh.payloads, open };
  expect(await checkUpload({ ...mesh.uploading, payloads }, upload.id)).toBe('busy');
  expect(await entryOf(upload.id)).toBeUndefined();
  expect(mesh.payloads.kept.size).toBe(0);
});

describe('rows whose check was stopped', () => {
  const later = async (upload: Upload) => {
    mesh.later((HELD_SECONDS + 1) * 1000);
    await sweepUploads(mesh, mesh.now());
    return getUpload(mesh, atmo, upload.id);
  };

  test.each([
    ['before they were noted', 2, false],
    ['after they were published', 3, true],
  ])('%s are accepted once, and their report is whole', async (_, write, published) => {
    const upload = await waiting('application/x-ndjson', rows);
    await expect(checkUpload(stoppedAt(write), upload.id)).rejects.toThrow('crashed');
    const first = await entryOf(upload.id);
    expect(first !== undefined).toBe(published);
    // What they would be judged by now must not tell otherwise of what was accepted.
    if (published) mesh.uploading.types.judgeOf = async () => () => [{ path: '/data', message: 'no more' }];
    const ended = await later(upload);
    expect(ended).toMatchObject({ state: 'accepted', rows: { accepted: 2, refused: 1 } });
    const entry = await entryOf(upload.id);
    if (first) expect(entry).toEqual(first);
    const { kept } = mesh.payloads;
    expect(kept.get(entry?.payload ?? '')?.toString()).toBe('{"co2":1}\n{"co2":3}\n');
    expect(kept.get(ended.rows?.report ?? '')?.toString()).toContain('"row":2');
    expect(kept.size).toBe(2);
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.upload.accepted.v1']);
  });
});

describe('completing while somebody else checks', () => {
  const json = Buffer.from('{"co2":612}');

  test('is told what became of it, where the other ended it before the file was opened', async () => {
    const upload = await waiting('application/json', json);
    const open = async (name: string) => {
      await checkUpload(mesh.uploading, upload.id);
      return mesh.payloads.open(name);
    };
    const racing = (id: string) =>
      checkUpload({ ...mesh.uploading, payloads: { ...mesh.payloads, open } }, id);
    const ended = await completeUpload({ ...mesh, checkUpload: racing }, atmo, upload.id);
    expect(ended.state).toBe('accepted');
  });

  test('waits for the other, and no longer than a request may take', async () => {
    const upload = await waiting('application/json', json);
    const release = Promise.withResolvers<undefined>();
    const open = async (name: string) => {
      const file = await mesh.payloads.open(name);
      return (async function* () {
        await release.promise;
        yield* file ?? [];
      })();
    };
    const slow = checkUpload({ ...mesh.uploading, payloads: { ...mesh.payloads, open } }, upload.id);
    let paused = 0;
    const pause = async (ms: number): Promise<void> => {
      paused += ms;
      if (paused > 2000) release.resolve(undefined);
      await mesh.pause(ms);
    };
    const still = { ...mesh, pause: async (ms: number) => void (paused += ms) };
    expect(await completeUpload(still, atmo, upload.id)).toMatchObject({ state: 'checking' });
    expect(paused).toBeLessThan(15_000);
    paused = 0;
    expect(await completeUpload({ ...mesh, pause }, atmo, upload.id)).toMatchObject({ state: 'accepted' });
    expect(await slow).toBe('ended');
  });
});
