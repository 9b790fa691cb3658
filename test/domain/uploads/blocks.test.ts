import { Readable } from 'node:stream';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { getUpload } from '../../../domain/uploads/begin.ts';
import { blockOf } from '../../../domain/uploads/block.ts';
import { type CheckDeps, checkUpload } from '../../../domain/uploads/check.ts';
import { sweepUploads } from '../../../domain/uploads/end.ts';
import { HELD_SECONDS } from '../../../domain/uploads/hold.ts';
import { eventKey } from '../../../events/key.ts';
import type { Upload } from '../../../schemas/upload.ts';
import { given } from '../../given.ts';
import type { MemoryMesh } from '../mesh.ts';
import { putFile, rowsMesh } from './rows-mesh.ts';

const atmo = given.caller('atmo');
let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = await rowsMesh();
});

const puts = (text: string, contentType: string): Promise<Upload> => putFile(mesh, text, contentType);
/** What its events hold, in order. */
const published = async ({ id }: Upload): Promise<unknown[]> => {
  const { events = 0 } = await getUpload(mesh, atmo, id);
  const keys = Array.from({ length: events + 1 }, (_, n) =>
    eventKey('school-air', '//test/atmo', `${id}-${n + 1}`),
  );
  const entries = await mesh.ledger.read(keys, mesh.now());
  expect(entries.at(-1)).toBeUndefined();
  return entries.flatMap((entry) =>
    (mesh.payloads.kept.get(entry?.payload ?? '')?.toString() ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown),
  );
};
const report = ({ rows }: Upload): { row: number }[] =>
  (mesh.payloads.kept.get(rows?.report ?? '')?.toString() ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { row: number });

const ROWS = 400;
const isWrong = (row: number): boolean => row % 50 === 7;
const value = (row: number): unknown => (isWrong(row) ? 'high' : row);
const numbers = Array.from({ length: ROWS }, (_, index) => index + 1);
const good = numbers.filter((row) => !isWrong(row));
const wrong = numbers.filter(isWrong);
const files: [string, string, object[]][] = [
  [
    'application/x-ndjson',
    numbers.map((row) => `${JSON.stringify({ co2: value(row), room: 'Salle été' })}\n`).join(''),
    good.map((co2) => ({ co2, room: 'Salle été' })),
  ],
  [
    'text/csv',
    `\ufeffco2,room\r\n${numbers.map((row) => `${String(value(row))},"two\nlines, ""été"""\r\n`).join('')}`,
    good.map((co2) => ({ co2, room: 'two\nlines, "été"' })),
  ],
];

describe.each(files)('a large file of %s', (contentType, text, expected) => {
  const isWhole = async (upload: Upload): Promise<void> => {
    const ended = await getUpload(mesh, atmo, upload.id);
    expect(ended).toMatchObject({
      state: 'accepted',
      event: { id: `${upload.id}-1` },
      rows: { accepted: good.length, refused: wrong.length },
    });
    expect(ended.events).toBeGreaterThan(5);
    expect(await published(ended)).toEqual(expected);
    expect(report(ended).map(({ row }) => row)).toEqual(wrong);
    expect(mesh.payloads.kept.has(upload.name)).toBe(false);
    expect(await mesh.noticesOf('atmo')).toEqual(['maille.upload.accepted.v1']);
  };

  test('becomes an event for each block of its rows, and one report', async () => {
    const upload = await puts(text, contentType);
    expect(await checkUpload(mesh.uploading, upload.id)).toBe('ended');
    await isWhole(upload);
  });

  test('is gone on with beat by beat where one call has time for one block', async () => {
    const upload = await puts(text, contentType);
    const hurried = (id: string) => checkUpload({ ...mesh.uploading, uploadCheckFor: 'PT0S' }, id);
    const told: number[] = [];
    for (let beat = 0; beat < 200; beat += 1) {
      await sweepUploads({ ...mesh, checkUpload: hurried }, mesh.now());
      const { published: at, state } = await getUpload(mesh, atmo, upload.id);
      if (state !== 'checking') break;
      if (at) told.push(at.bytes);
    }
    expect(told.length).toBeGreaterThan(5);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    await isWhole(upload);
  });

  test('has each row accepted once, wherever its check is stopped', async () => {
    const upload = await puts(text, contentType);
    let crashes = 0;
    for (let tries = 0; tries < 100; tries += 1) {
      let writes = 0;
      // The third write of each call fails: now before a block is published, now after.
      const registry = {
        ...mesh.registry,
        write: (changes: never) => {
          writes += 1;
          return writes === 5 + (tries % 2)
            ? Promise.reject(new Error('crashed'))
            : mesh.registry.write(changes);
        },
      };
      const broken: CheckDeps = { ...mesh.uploading, registry };
      const said = await checkUpload(broken, upload.id).catch(() => 'crashed');
      if (said === 'ended') break;
      crashes += 1;
      mesh.later((HELD_SECONDS + 1) * 1000);
    }
    expect(crashes).toBeGreaterThan(3);
    await isWhole(upload);
  });
});

test('a large file of which no row obeys is refused with its report, and one without columns too', async () => {
  const none = await puts('{"co2":"high"}\n'.repeat(200), 'application/x-ndjson');
  await checkUpload(mesh.uploading, none.id);
  const ended = await getUpload(mesh, atmo, none.id);
  expect(ended).toMatchObject({ state: 'refused', rows: { accepted: 0, refused: 200 } });
  expect([...mesh.payloads.kept.keys()]).toEqual([ended.rows?.report]);
  const twice = await puts(`co2,co2\n${'1,2\n'.repeat(600)}`, 'text/csv');
  await checkUpload(mesh.uploading, twice.id);
  expect(await getUpload(mesh, atmo, twice.id)).toMatchObject({
    state: 'refused',
    problem: { detail: expect.stringContaining('names no columns') },
  });
});

test('a header that is too large to be kept is refused, and one just below is not', async () => {
  const header = (bytes: number): string => `co2,${'x'.repeat(bytes - 5)}\n`;
  mesh.uploading.uploadRowsBytes = 300_000;
  for (const [bytes, state] of [
    [100_000, 'accepted'],
    [100_001, 'refused'],
    [200_000, 'refused'],
  ] as const) {
    const upload = await puts(header(bytes) + `1,${'a'.repeat(10_000)}\n`.repeat(40), 'text/csv');
    await checkUpload(mesh.uploading, upload.id);
    const ended = await getUpload(mesh, atmo, upload.id);
    expect(ended.state).toBe(state);
    if (state === 'refused') expect(ended.problem?.detail).toContain('more than 100000 bytes');
  }
});

describe('a file of which a block is published, past its time', () => {
  const HOUR = 3_600_000;
  const failing = { append: () => Promise.resolve(['failed' as const]) };
  /** One block is published, and from then on the ledger takes nothing. */
  const begun = async (): Promise<Upload> => {
    const upload = await puts('{"co2":1}\n'.repeat(600), 'application/x-ndjson');
    while (!(await getUpload(mesh, atmo, upload.id)).events)
      await checkUpload({ ...mesh.uploading, uploadCheckFor: 'PT0S' }, upload.id);
    return upload;
  };
  const beat = (ledger: object) => {
    const checks = (id: string) =>
      checkUpload({ ...mesh.uploading, ledger: { ...mesh.ledger, ...ledger } }, id);
    return sweepUploads({ ...mesh, checkUpload: checks }, mesh.now());
  };

  test('is gone on with once what hindered it has passed', async () => {
    const upload = await begun();
    mesh.later(3 * HOUR);
    await beat(failing);
    expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'checking', events: 1 });
    await beat({});
    const ended = await getUpload(mesh, atmo, upload.id);
    expect(ended).toMatchObject({ state: 'accepted', rows: { accepted: 600, refused: 0 } });
    expect(await published(ended)).toHaveLength(600);
  });

  test('is ended a day later, told what stands and not to send that again', async () => {
    const upload = await begun();
    mesh.later(26 * HOUR);
    await beat(failing);
    const { state, problem, rows } = await getUpload(mesh, atmo, upload.id);
    expect(state).toBe('refused');
    expect(problem?.detail).toContain(`The rows up to ${rows?.accepted} became 1 event(s), which stand`);
    expect(problem?.detail).not.toContain('begin another');
  });

  test('is ended with the block that was published and not noted', async () => {
    const upload = await begun();
    const append = async (entries: Parameters<typeof mesh.ledger.append>[0]) => {
      await mesh.ledger.append(entries);
      return ['failed' as const];
    };
    await beat({ append });
    mesh.later(26 * HOUR);
    await beat({ append: () => Promise.reject(new Error('crashed')) });
    const ended = await getUpload(mesh, atmo, upload.id);
    expect(ended).toMatchObject({ state: 'refused', events: 2 });
    expect(await published(ended)).toHaveLength(ended.rows?.accepted ?? 0);
    expect(ended.problem?.detail).toContain('became 2 event(s)');
  });
});

test('a row that is too long, not UTF-8 or not CSV is refused alone', async () => {
  const long = `{"co2":1,"room":"${'x'.repeat(3000)}"}\n`;
  const ndjson = await puts(`{"co2":1}\n${long}{"co2":3}`, 'application/x-ndjson');
  await checkUpload(mesh.uploading, ndjson.id);
  expect(await published(ndjson)).toEqual([{ co2: 1 }, { co2: 3 }]);
  expect(report(await getUpload(mesh, atmo, ndjson.id)).map(({ row }) => row)).toEqual([2]);
  const csv = await puts(`co2,room\n${'1,a\n'.repeat(600)}2,"b"c\n3,d\n`, 'text/csv');
  await checkUpload(mesh.uploading, csv.id);
  expect(await getUpload(mesh, atmo, csv.id)).toMatchObject({ rows: { accepted: 601, refused: 1 } });
});

test.each(['3,5" pipe', '3,five "inch" pipes', '3,5"', '3,"a"b"'])(
  'a quote that opens no field spoils its own row and no other: %s',
  async (stray) => {
    const csv = await puts(
      `\ufeff"co2",room\n${'1,a\n'.repeat(300)}${stray}\n${'2,"b\n"\n'.repeat(300)}`,
      'text/csv',
    );
    await checkUpload(mesh.uploading, csv.id);
    const ended = await getUpload(mesh, atmo, csv.id);
    expect(ended).toMatchObject({ state: 'accepted', rows: { accepted: 600, refused: 1 } });
    expect(report(ended).map(({ row }) => row)).toEqual([301]);
  },
);

test.each([
  ['text/csv', `co2,room\n${'1,a\n'.repeat(600)}2,"b\n${'3,c\n'.repeat(6000)}`, 'Row 601 '],
  ['application/x-ndjson', `${'{"co2":1}\n'.repeat(300)}${'{"co2":1} '.repeat(3000)}`, 'Row 301 '],
  ['text/csv', 'co2,room '.repeat(3000), 'The first record '],
])(
  '%s of which one record has no end is refused there, and told what stands',
  async (contentType, text, row) => {
    const upload = await puts(text, contentType);
    expect(await checkUpload(mesh.uploading, upload.id)).toBe('ended');
    const { state, problem, events } = await getUpload(mesh, atmo, upload.id);
    expect(state).toBe('refused');
    expect(problem?.detail).toContain(`${row}is longer than 16000 bytes`);
    if (events) expect(problem?.detail).toContain(`became ${events} event(s), which stand`);
    expect(events !== undefined).toBe(row.startsWith('Row'));
  },
);

test('blocks are the same however the bytes come, and together the whole file', async () => {
  const record = fc.oneof(
    fc.string({ maxLength: 12 }).map((text) => text.replace(/["\n]/g, '')),
    fc.string({ maxLength: 8 }).map((text) => `"${text.replaceAll('"', '""')}\n"`),
    fc.string({ maxLength: 8, unit: fc.constantFrom('"', ',', '\n', 'a', '\ufeff') }),
  );
  const file = fc.array(record, { maxLength: 20 }).map((records) => records.join('\n'));
  await fc.assert(
    fc.asyncProperty(
      file,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      async (text, one, other) => {
        const blocks = async (step: number): Promise<unknown[]> => {
          const bytes = Buffer.from(text);
          const found = [];
          for (let from = 0; ;) {
            const chunks = [];
            for (let at = from; at < bytes.length; at += step)
              chunks.push(bytes.subarray(at, Math.min(at + step, bytes.length)));
            const block = await blockOf(Readable.from(chunks), { quoted: true, most: 25, rows: 5 });
            if (block.bytes === 0) break;
            found.push(block);
            from += block.bytes;
          }
          return found;
        };
        const found = (await blocks(one)) as Awaited<ReturnType<typeof blockOf>>[];
        expect(await blocks(other)).toEqual(found);
        expect(found.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(Buffer.byteLength(text));
        for (const { records, bytes } of found)
          if (records.every((one_) => one_ !== undefined))
            expect(Buffer.byteLength(records.join(''))).toBe(bytes);
      },
    ),
    { numRuns: 300 },
  );
});
