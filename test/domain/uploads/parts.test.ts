import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { beginUpload, getUpload } from '../../../domain/uploads/begin.ts';
import { checkUpload } from '../../../domain/uploads/check.ts';
import { completeUpload } from '../../../domain/uploads/complete.ts';
import { cancelUpload, sweepUploads } from '../../../domain/uploads/end.ts';
import { listParts } from '../../../domain/uploads/parts.ts';
import { eventKey } from '../../../events/key.ts';
import { type Upload, uploadRequest } from '../../../schemas/upload.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { meshInMemory, type MemoryMesh, problemOf } from '../mesh.ts';

const atmo = given.caller('atmo');
const film = Buffer.from(Array.from({ length: 250_000 }, (_, index) => (index * 7) % 251));
let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = meshInMemory();
  mesh.territory = { ...mesh.territory, uploadPutBytes: 100_000, uploadPartBytes: 100_000 };
  await mesh.has('participant', given.participant());
  await mesh.has('dataset', given.dataset());
  await mesh.has('schema', { dataset: 'school-air', type: TYPE, version: 1, createdAt: '', schema: SCHEMA });
});

const begins = async (body = film): Promise<Upload> => {
  const sha256 = createHash('sha256').update(body).digest('hex');
  const declared = {
    dataset: 'school-air',
    type: TYPE,
    contentType: 'video/mp4',
    bytes: body.length,
    sha256,
  };
  const { upload, put } = await beginUpload(mesh, atmo, uploadRequest.parse(declared));
  expect(put).toBeUndefined();
  return upload;
};
/** Puts some of the parts as they are listed, or other bytes. */
const puts = async (upload: Upload, only = [1, 2, 3], body = film): Promise<void> => {
  const { items } = await listParts(mesh, atmo, upload.id, { limit: 50 });
  for (const { part, bytes } of items)
    if (only.includes(part))
      mesh.payloads.parts
        .get(upload.parts?.id ?? '')
        ?.set(part, body.subarray((part - 1) * 100_000, (part - 1) * 100_000 + bytes));
};
const nothingIsLeft = (): void => {
  expect([mesh.payloads.kept.size, mesh.payloads.parts.size]).toEqual([0, 0]);
};

describe('an upload larger than one request', () => {
  test('is put in parts, which are listed page by page with requests that bind their length', async () => {
    const upload = await begins();
    const first = await listParts(mesh, atmo, upload.id, { limit: 2 });
    expect(first.items.map(({ part, bytes }) => [part, bytes])).toEqual([
      [1, 100_000],
      [2, 100_000],
    ]);
    expect(first.items[0]?.put.headers).toEqual({ 'content-length': '100000' });
    const second = await listParts(mesh, atmo, upload.id, { limit: 2, cursor: first.next ?? '' });
    expect([second.items.map(({ bytes }) => bytes), second.next]).toEqual([[50_000], null]);
    for (const cursor of ['nonsense', '0', '02', '3', '-1', '1e0', '1.5'])
      expect(await problemOf(listParts(mesh, atmo, upload.id, { limit: 2, cursor }))).toMatchObject({
        kind: 'not-parseable',
        errors: [{ path: '/cursor' }],
      });
    expect(await problemOf(listParts(mesh, given.caller('app'), upload.id, { limit: 2 }))).toMatchObject({
      kind: 'not-found',
    });
    mesh.later(3_600_000);
    expect(await problemOf(listParts(mesh, atmo, upload.id, { limit: 2 }))).toMatchObject({
      kind: 'conflict',
    });
  });

  test.each([undefined, { parts: [1, 2, 3].map((part) => ({ part, etag: 'e' })) }])(
    'becomes one event once all are there, and not before: told %j',
    async (completion) => {
      const upload = await begins();
      await puts(upload, [1, 3]);
      expect(await problemOf(completeUpload(mesh, atmo, upload.id, completion))).toMatchObject({
        kind: 'conflict',
        detail: expect.stringContaining('Not every part'),
      });
      await puts(upload, [2]);
      expect(await completeUpload(mesh, atmo, upload.id, completion)).toMatchObject({ state: 'accepted' });
      expect(mesh.payloads.kept.get(upload.name)).toEqual(film);
      expect(mesh.payloads.parts.size).toBe(0);
    },
  );

  test('that is not what was declared is refused and removed', async () => {
    const upload = await begins();
    await puts(upload, [1, 2, 3], Buffer.from(film).fill(9, 120_000, 120_001));
    expect(await completeUpload(mesh, atmo, upload.id)).toMatchObject({
      state: 'refused',
      problem: { errors: [{ path: '/sha256' }] },
    });
    nothingIsLeft();
  });

  test('leaves nothing when it is given up, or when its time is over', async () => {
    const given = await begins();
    await puts(given, [1, 2]);
    await cancelUpload(mesh, atmo, given.id);
    nothingIsLeft();
    await puts(await begins(), [1, 2]);
    expect(mesh.payloads.parts.size).toBe(1);
    mesh.later(1.3 * 3_600_000);
    expect(await sweepUploads(mesh, mesh.now())).toBe(2);
    nothingIsLeft();
  });

  test('whose parts were joined by a call that was stopped is completed by the clock', async () => {
    const upload = await begins();
    await puts(upload);
    const crash = () => Promise.reject(new Error('crashed'));
    await expect(completeUpload({ ...mesh, checkUpload: crash }, atmo, upload.id)).rejects.toThrow();
    await sweepUploads(mesh, mesh.now());
    expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'accepted' });
  });
});

describe('a file that one call cannot read to its end', () => {
  const read: number[] = [];
  /** A check that is given no time: it reads one chunk and leaves the rest, of which each byte is read once. */
  const hurried = (id: string) => {
    const open: typeof mesh.payloads.open = async (name, from) => {
      const file = await mesh.payloads.open(name, from);
      return (async function* () {
        for await (const chunk of file ?? []) {
          read.push(chunk.length);
          yield chunk;
        }
      })();
    };
    const payloads = { ...mesh.payloads, open };
    return checkUpload({ ...mesh.uploading, payloads, uploadCheckFor: 'PT0S' }, id);
  };

  test('is read on from there by the clock, beat by beat, with its progress told, and no byte twice', async () => {
    read.length = 0;
    const upload = await begins();
    await puts(upload);
    const rushed = { ...mesh, checkUpload: hurried };
    expect(await completeUpload(rushed, atmo, upload.id)).toMatchObject({
      state: 'checking',
      read: { bytes: 125_000 },
    });
    let beats = 0;
    // Late by the clock, and not given up: it goes on.
    mesh.later(2 * 3_600_000);
    while ((await getUpload(mesh, atmo, upload.id)).state === 'checking' && beats < 40) {
      await sweepUploads(rushed, mesh.now());
      beats += 1;
    }
    expect(beats).toBeGreaterThan(5);
    expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'accepted' });
    expect(await getUpload(mesh, atmo, upload.id)).not.toHaveProperty('read');
    expect(read.reduce((sum, bytes) => sum + bytes, 0)).toBe(film.length);
    const [entry] = await mesh.ledger.read([eventKey('school-air', '//test/atmo', upload.id)], mesh.now());
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({
      datasha256: createHash('sha256').update(film).digest('hex'),
    });
  });

  test('is refused all the same where its hash is another one', async () => {
    const upload = await begins();
    await puts(upload, [1, 2, 3], Buffer.from(film).fill(9, 0, 1));
    await completeUpload({ ...mesh, checkUpload: hurried }, atmo, upload.id);
    for (let beat = 0; beat < 40; beat += 1)
      await sweepUploads({ ...mesh, checkUpload: hurried }, mesh.now());
    expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({
      state: 'refused',
      problem: { errors: [{ path: '/sha256' }] },
    });
    nothingIsLeft();
  });
});
