import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { minimisedEvent } from '../../../domain/deliver/wire.ts';
import { eraseWithData } from '../../../domain/payloads/erase.ts';
import { matchesWhole } from '../../../domain/payloads/filter.ts';
import { visitPayload } from '../../../domain/payloads/visit.ts';
import { payloadLink } from '../../../domain/payloads/link.ts';
import { sweepExpired } from '../../../domain/personal-data/sweep.ts';
import { routed } from '../../../domain/route.ts';
import { beginUpload, getUpload } from '../../../domain/uploads/begin.ts';
import { checkUpload } from '../../../domain/uploads/check.ts';
import { completeUpload } from '../../../domain/uploads/complete.ts';
import { cancelUpload, sweepUploads } from '../../../domain/uploads/end.ts';
import { eventKey } from '../../../events/key.ts';
import { schemaId } from '../../../schemas/schema-id.ts';
import { type Upload, uploadRequest } from '../../../schemas/upload.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { meshInMemory, type MemoryMesh, problemOf } from '../mesh.ts';

const atmo = given.caller('atmo');
const HOUR = 3_600_000;

let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = meshInMemory();
  await mesh.has('participant', given.participant());
  await mesh.has('participant', given.participant({ id: 'app' }));
  await mesh.has('dataset', given.dataset());
  const schema = { dataset: 'school-air', type: TYPE, version: 1, createdAt: '', schema: SCHEMA };
  await mesh.has('schema', schema);
});

const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
const begins = async (body: Buffer, contentType = 'application/json', more: object = {}) => {
  const declared = {
    dataset: 'school-air',
    type: TYPE,
    contentType,
    bytes: body.length,
    sha256: sha256(body),
  };
  return (await beginUpload(mesh, atmo, uploadRequest.parse({ ...declared, ...more }))).upload;
};
const put = ({ name }: Upload, body: Buffer) =>
  mesh.payloads.put({ name, body, contentType: 'application/octet-stream' });
/** Begins, puts and completes. */
const uploads = async (body: Buffer, contentType?: string, more?: object) => {
  const upload = await begins(body, contentType, more);
  await put(upload, body);
  return completeUpload(mesh, atmo, upload.id);
};
const entryOf = async ({ id }: Upload) =>
  (await mesh.ledger.read([eventKey('school-air', '//test/atmo', id)], mesh.now()))[0];
const json = (data: object): Buffer => Buffer.from(JSON.stringify(data));
const large = 'x'.repeat(5_000_000);
const picture = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 256));

describe('an upload of JSON', () => {
  test('larger than HTTPS takes becomes an event, judged whole, whose data is kept once', async () => {
    const upload = await uploads(json({ co2: 612, room: large }));
    expect(upload).toMatchObject({ state: 'accepted', event: { id: upload.id, source: '//test/atmo' } });
    const entry = await entryOf(upload);
    expect(entry?.digest).toBe(upload.event?.digest);
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({ dataref: '/v1/payloads' });
    expect([...mesh.payloads.kept.keys()]).toEqual([entry?.payload]);
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.upload.accepted.v1']);
  });

  test('that its schema does not allow is refused by JSON Pointer, told, and leaves nothing', async () => {
    const upload = await uploads(json({ co2: 'high', room: large }));
    expect(upload).toMatchObject({
      state: 'refused',
      problem: { kind: 'not-valid', errors: [{ path: '/data/co2' }] },
    });
    expect(mesh.payloads.kept.size).toBe(0);
    expect(await entryOf(upload)).toBeUndefined();
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.upload.refused.v1']);
  });

  test('that is no JSON, or not UTF-8, is refused with the place', async () => {
    expect((await uploads(Buffer.from('{"co2": 1,}'))).problem?.detail).toMatch(/line 1, column 11/);
    expect((await uploads(Buffer.from([0x22, 0xff, 0x22]))).problem?.detail).toMatch(/UTF-8/);
    expect(mesh.payloads.kept.size).toBe(0);
  });
});

describe('an opaque upload', () => {
  test('stays where it was put, under a name that outlives its event, which tells its hash', async () => {
    const upload = await uploads(picture, 'image/png');
    const entry = await entryOf(upload);
    expect(entry?.payload).toBe(upload.name);
    expect(upload.name.split('/')[1]).toMatch(/^2026-04-01$/);
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({
      datacontenttype: 'image/png',
      datasha256: sha256(picture),
    });
    expect(mesh.payloads.kept.get(upload.name)).toEqual(picture);
  });

  test.each([
    ['image/png', picture],
    ['application/x-ndjson', Buffer.from('{"co2":1}\n')],
  ])(
    'of %s never outlives its file, though the retention was raised since it was begun',
    async (type, body) => {
      const upload = await begins(body, type);
      await put(upload, body);
      const before = await mesh.registry.read('dataset', 'school-air');
      if (!before) throw new Error('there is no dataset');
      const item = { ...before, retentionDays: 90, revision: before.revision + 1 };
      await mesh.registry.write([{ do: 'replace', noun: 'dataset', before, item }]);
      expect(await completeUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'accepted' });
      const entry = await entryOf(upload);
      const gone = Date.parse(entry?.payload?.split('/')[1] ?? '') + 24 * HOUR;
      expect(new Date((entry?.expires ?? 0) * 1000)).toEqual(new Date(gone));
    },
  );

  test('is withheld by the clause that cannot reach into it', async () => {
    const upload = await uploads(picture, 'image/png');
    const key = eventKey('school-air', '//test/atmo', upload.id);
    const minimisation = [{ clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' }];
    const contract = await mesh.has('contract', given.contract({ terms: { minimisation } }));
    const link = await payloadLink(mesh, { contract: contract.id, dataset: 'school-air', key });
    const id = link.slice(link.lastIndexOf('/') + 1);
    expect(await problemOf(visitPayload(mesh, given.caller('app'), id))).toMatchObject({
      detail: expect.stringContaining('no-teacher'),
    });
    expect(mesh.payloads.kept.size).toBe(1);
  });

  test('is never read for a filter, however large', async () => {
    const entry = await entryOf(await uploads(picture, 'image/png'));
    if (!entry) throw new Error('nothing was accepted');
    const read = () => Promise.reject(new Error('was read'));
    const passes = (filter: object) => matchesWhole({ read }, { filter } as never, routed(entry));
    expect(await passes({ data: { co2: [{ numeric: ['>', 1] }] } })).toBe(false);
    expect(await passes({ data: { co2: [{ exists: false }] } })).toBe(true);
  });
});

describe('an upload of rows', () => {
  const ndjson = Buffer.from(
    '{"co2":1,"teacher":"Curie"}\n{"co2":"high"}\nno\n\n{"co2":1e999}\n{"co2":3}\r\n',
  );
  const text = (name = ''): string => mesh.payloads.kept.get(name)?.toString() ?? '';

  test('keeps those that obey the schema, and reports the others without their values', async () => {
    const upload = await uploads(ndjson, 'application/x-ndjson');
    expect(upload).toMatchObject({ state: 'accepted', rows: { accepted: 2, refused: 3 } });
    const entry = await entryOf(upload);
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({ datacontenttype: 'application/x-ndjson' });
    expect(text(entry?.payload)).toBe('{"co2":1,"teacher":"Curie"}\n{"co2":3}\n');
    const report = text(upload.rows?.report)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(report).toMatchObject([
      { row: 2, errors: [{ path: '/data/co2' }] },
      { row: 3, errors: [{ path: '/data', message: expect.stringContaining('column 1') }] },
      { row: 4, errors: [{ path: '/data/co2' }] },
    ]);
    expect(text(upload.rows?.report)).not.toContain('high');
    expect(mesh.payloads.kept.size).toBe(2);
  });

  test('reads CSV by its header, coerces by the schema, and takes an empty cell for absent', async () => {
    const csv =
      '\ufeffco2,room,teacher\r\n612,"Salle ""1"", été",\r\n0x10,a,b\r\n7,"two\nlines",C\r\n1,2\r\n';
    const upload = await uploads(Buffer.from(csv), 'text/csv; charset=utf-8');
    expect(upload.rows).toMatchObject({ accepted: 2, refused: 2 });
    expect(
      text((await entryOf(upload))?.payload)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toEqual([
      { co2: 612, room: 'Salle "1", été' },
      { co2: 7, room: 'two\nlines', teacher: 'C' },
    ]);
    const reports = text(upload.rows?.report);
    expect(reports).toContain('"row":2');
    expect(reports).toContain('has 2 values, and the header 3');
    const broken = await uploads(Buffer.from('co2\n"1'), 'text/csv');
    expect(broken.problem?.detail).toMatch(/not CSV/);
    expect((await uploads(Buffer.from('co2,co2\n1,2'), 'text/csv')).state).toBe('refused');
  });

  test('refuses a row that is nested deeper than is taken anywhere, whatever its schema', async () => {
    const deep = (levels: number) => `{"co2":1,"more":${'['.repeat(levels)}${']'.repeat(levels)}}\n`;
    const upload = await uploads(Buffer.from(deep(99) + deep(100)), 'application/x-ndjson');
    expect(upload.rows).toMatchObject({ accepted: 1, refused: 1 });
    expect(text(upload.rows?.report)).toContain('nested deeper than 100 levels');
  });

  test('refuses an integer that would become another one', async () => {
    const schema = { type: 'object', properties: { co2: { type: 'integer' } } };
    const version = await mesh.registry.read('schema', schemaId('school-air', TYPE, 1));
    if (!version) throw new Error('there is no schema');
    const item = { ...version, schema };
    await mesh.registry.write([{ do: 'replace', noun: 'schema', before: version, item }]);
    const upload = await uploads(
      Buffer.from('co2\n9007199254740991\n12345678901234567890\n-3\n1.5\n1e3\n'),
      'text/csv',
    );
    expect(text((await entryOf(upload))?.payload)).toBe(
      '{"co2":9007199254740991}\n{"co2":-3}\n{"co2":1000}\n',
    );
    expect(text(upload.rows?.report).match(/"row":\d/g)).toEqual(['"row":2', '"row":4']);
  });

  test('takes as many as it says, and not one more', async () => {
    const many = (row: string, count: number) => Buffer.from(`${row}\n`.repeat(count));
    const most = await uploads(many('{"co2":1}', 100_000), 'application/x-ndjson');
    expect(most.rows).toEqual({ accepted: 100_000, refused: 0 });
    const header = Buffer.from('co2\n');
    const csv = await uploads(Buffer.concat([header, many('1', 100_000)]), 'text/csv');
    expect(csv.rows).toEqual({ accepted: 100_000, refused: 0 });
    const over = [
      await uploads(many('{}', 100_001), 'application/x-ndjson'),
      await uploads(Buffer.concat([header, many('1', 100_001)]), 'text/csv'),
    ];
    for (const { state, problem } of over)
      expect([state, problem?.detail]).toEqual(['refused', expect.stringContaining('more than 100000 rows')]);
  });

  test('of which none obeys is refused, its report left', async () => {
    const upload = await uploads(Buffer.from('{"co2":"a"}\n'), 'application/x-ndjson');
    expect(upload).toMatchObject({ state: 'refused', rows: { accepted: 0, refused: 1 } });
    expect([...mesh.payloads.kept.keys()]).toEqual([upload.rows?.report]);
  });

  test('is minimised row by row, its hash told to nobody who gets less', async () => {
    const upload = await uploads(ndjson, 'application/x-ndjson');
    const minimisation = [{ clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' }];
    const contract = await mesh.has('contract', given.contract({ terms: { minimisation } }));
    const key = eventKey('school-air', '//test/atmo', upload.id);
    const link = await payloadLink(mesh, { contract: contract.id, dataset: 'school-air', key });
    const url = await visitPayload(mesh, given.caller('app'), link.slice(link.lastIndexOf('/') + 1));
    expect(text(new URL(url).pathname.slice(1))).toBe('{"co2":1}\n{"co2":3}\n');
    const entry = await entryOf(upload);
    if (!entry) throw new Error('nothing was accepted');
    const seen = await minimisedEvent(mesh.sealer, routed(entry), { contract });
    expect(seen.event).not.toHaveProperty('datasha256');
    expect(routed(entry).event).toHaveProperty('datasha256');
  });

  test('passes a filter when one of them does', async () => {
    const entry = await entryOf(await uploads(ndjson, 'application/x-ndjson'));
    if (!entry) throw new Error('nothing was accepted');
    const passes = (co2: number) =>
      matchesWhole(mesh.payloads, { filter: { data: { co2: [co2] } } } as never, routed(entry));
    expect([await passes(3), await passes(4)]).toEqual([true, false]);
  });
});

describe('what was put', () => {
  test('must be what was declared: each other byte, and one too many or too few, is refused and removed', async () => {
    const other = Buffer.from(picture).fill(1, 9, 10);
    const cases = [other, picture.subarray(1), Buffer.concat([picture, picture])];
    const paths = [];
    for (const body of cases) {
      const upload = await begins(picture, 'image/png');
      await put(upload, body);
      const { state, problem } = await completeUpload(mesh, atmo, upload.id);
      paths.push([state, problem?.errors?.[0]?.path]);
    }
    expect(paths).toEqual([
      ['refused', '/sha256'],
      ['refused', '/bytes'],
      ['refused', '/bytes'],
    ]);
    expect(mesh.payloads.kept.size).toBe(0);
  });

  test('is asked for while nothing was put; then completing goes on', async () => {
    const upload = await begins(picture, 'image/png');
    expect(await problemOf(completeUpload(mesh, atmo, upload.id))).toMatchObject({ kind: 'conflict' });
    await put(upload, picture);
    expect(await completeUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'accepted' });
  });

  test('is published once, whoever completes it how often, and again when the registry failed', async () => {
    const upload = await begins(json({ co2: 1 }));
    await put(upload, json({ co2: 1 }));
    const write = () => Promise.reject(new Error('registry.write broke'));
    const broken = { ...mesh.uploading, registry: { ...mesh.registry, write } };
    await expect(checkUpload(broken, upload.id)).rejects.toThrow('broke');
    const both = await Promise.all([1, 2].map(() => completeUpload(mesh, atmo, upload.id)));
    expect(both.map(({ state }) => state)).toEqual(['accepted', 'accepted']);
    expect(both[0]).toEqual(both[1]);
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.upload.accepted.v1']);
  });

  test('is completed by the clock where its publisher does not say that it was put', async () => {
    const [upload, other] = [await begins(picture, 'image/png'), await begins(picture, 'image/png')];
    await put(upload, picture);
    await sweepUploads(mesh, mesh.now());
    expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'accepted' });
    expect(await getUpload(mesh, atmo, other.id)).toMatchObject({ state: 'waiting' });
  });

  test('waits when the ledger could not take it', async () => {
    const upload = await begins(picture, 'image/png');
    await put(upload, picture);
    const ledger = { ...mesh.ledger, append: async () => ['failed' as const] };
    const broken = (id: string) => checkUpload({ ...mesh.uploading, ledger }, id);
    expect(await problemOf(completeUpload({ ...mesh, checkUpload: broken }, atmo, upload.id))).toMatchObject({
      kind: 'unavailable',
    });
    expect(await completeUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'accepted' });
  });
});

describe('an upload that is given up', () => {
  test('leaves nothing, and cannot be completed; an accepted one stays', async () => {
    const upload = await begins(picture, 'image/png');
    await put(upload, picture);
    await cancelUpload(mesh, atmo, upload.id);
    await cancelUpload(mesh, atmo, upload.id);
    expect(mesh.payloads.kept.size).toBe(0);
    expect(await problemOf(completeUpload(mesh, atmo, upload.id))).toMatchObject({ kind: 'conflict' });
    const { id } = await uploads(picture, 'image/png');
    expect(await problemOf(cancelUpload(mesh, atmo, id))).toMatchObject({ kind: 'conflict' });
    expect(mesh.payloads.kept.size).toBe(1);
  });

  test('by the passing of time is refused and told; nothing that came late stays, what is accepted does', async () => {
    const waiting = await begins(picture, 'image/png');
    const cancelled = await begins(picture, 'image/png');
    await cancelUpload(mesh, atmo, cancelled.id);
    const accepted = await uploads(picture, 'image/png');
    await put(cancelled, picture);
    expect(await sweepUploads(mesh, mesh.now())).toBe(0);
    mesh.later(1.3 * HOUR);
    expect(await sweepUploads(mesh, mesh.now())).toBe(3);
    expect([...mesh.payloads.kept.keys()]).toEqual([accepted.name]);
    expect(await getUpload(mesh, atmo, waiting.id)).toMatchObject({ state: 'refused', swept: true });
    expect(await getUpload(mesh, atmo, accepted.id)).toMatchObject({ state: 'accepted', swept: true });
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.upload.accepted.v1', 'maille.upload.refused.v1']);
    expect(await sweepUploads(mesh, mesh.now())).toBe(0);
  });
});

describe('an upload whose event was erased', () => {
  test('leaves nothing, also when its file was put again', async () => {
    const upload = await uploads(picture, 'image/png');
    const entry = await entryOf(upload);
    if (!entry) throw new Error('nothing was accepted');
    await eraseWithData(mesh, entry, mesh.now());
    expect(mesh.payloads.kept.size).toBe(0);
    await put(upload, picture);
    mesh.later(1.3 * HOUR);
    await sweepUploads(mesh, mesh.now());
    expect(mesh.payloads.kept.size).toBe(0);
  });
});

describe('the report of refused rows', () => {
  test('goes with the event that is erased, and with one whose retention was shortened', async () => {
    const ndjson = Buffer.from('{"co2":1}\n{"co2":"high"}\n');
    const erased = await uploads(ndjson, 'application/x-ndjson');
    expect(mesh.payloads.kept.has(erased.rows?.report ?? '')).toBe(true);
    await eraseWithData(mesh, (await entryOf(erased))!, mesh.now());
    expect(mesh.payloads.kept.size).toBe(0);
    await uploads(ndjson, 'application/x-ndjson');
    expect(mesh.payloads.kept.size).toBe(2);
    const before = given.dataset();
    const item = { ...before, retentionDays: 1 };
    await mesh.registry.write([{ do: 'replace', noun: 'dataset', before, item }]);
    for (let day = 0; day < 5; day += 1) {
      mesh.later(24 * HOUR);
      await sweepExpired(mesh, mesh.now());
    }
    expect(mesh.payloads.kept.size).toBe(0);
  });
});

describe('an upload is refused at once', () => {
  test('on what is not the caller’s, or is too large', async () => {
    expect(await problemOf(begins(picture, 'image/png', { dataset: 'other-air' }))).toMatchObject({
      errors: [{ path: '/dataset' }],
    });
    expect(await problemOf(begins(picture, 'image/png', { type: 'org.example.other.v1' }))).toMatchObject({
      errors: [{ path: '/type' }],
    });
    for (const [contentType, bytes, path] of [
      ['image/png', 5_000_000_001, 'bytes'],
      ['application/geo+json', 10_000_001, 'bytes'],
      ['text/csv', 5_000_000_001, 'bytes'],
      ['application/x-ndjson', 5_000_000_001, 'bytes'],
      ['png', 10, 'contentType'],
    ] as const) {
      const body = { dataset: 'school-air', type: TYPE, contentType, bytes, sha256: sha256(picture) };
      expect(uploadRequest.safeParse(body).error?.issues.map((issue) => issue.path)).toEqual([[path]]);
    }
    expect(await problemOf(getUpload(mesh, given.caller('app'), 'upl_x'))).toMatchObject({
      kind: 'not-found',
    });
  });

  test('to be seen by others', async () => {
    const { id } = await begins(picture, 'image/png');
    for (const attempt of [getUpload, cancelUpload, completeUpload])
      expect(await problemOf(attempt(mesh, given.caller('app'), id))).toMatchObject({ kind: 'not-found' });
  });
});
