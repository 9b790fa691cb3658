import { beforeEach, describe, expect, test } from 'vitest';
import { memoryLedger } from '../../../adapters/memory/ledger.ts';
import type { AppendResult, LedgerEntry } from '../../../domain/ports.ts';
import { batchResult } from '../../../domain/publish/outcome.ts';
import { MAX_EVENT_BYTES } from '../../../domain/publish/large.ts';
import { publish } from '../../../domain/publish/publish.ts';
import { canonicalJson, digestOf } from '../../../events/canonical.ts';
import { eventKey } from '../../../events/key.ts';
import { given, TYPE } from '../../given.ts';
import { doorOf, type Door } from './door.ts';

const OTHER = 'org.example.noise.v1';
let door: Door;
beforeEach(async () => {
  door = await doorOf();
});
const event = (id: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  specversion: '1.0',
  id,
  type: TYPE,
  time: '2026-03-01T09:59:00Z',
  data: { co2: 800 },
  ...more,
});
const publishing = (...candidates: unknown[]) => publish(door.deps, 'atmo', candidates);
const statuses = async (...candidates: unknown[]) =>
  (await publishing(...candidates)).map(({ status }) => status);
const stored = async (
  id: string,
  source = '//test/atmo',
  dataset = 'school-air',
): Promise<LedgerEntry | undefined> =>
  (await door.ledger.read([eventKey(dataset, source, id)], door.mesh.now()))[0];
const problemOf = async (candidate: unknown) => {
  const [outcome] = await publishing(candidate);
  expect(outcome?.status).toBe('rejected');
  return outcome && 'problem' in outcome ? outcome.problem : undefined;
};

describe('an event', () => {
  test('is accepted with its digest, and stored as canonical JSON with all that the mesh knows of it', async () => {
    const given = event('e1', { source: '//test/atmo/school-3' });
    const body = canonicalJson(given);
    expect(await publishing(given)).toEqual([
      { status: 'accepted', id: 'e1', source: '//test/atmo/school-3', digest: digestOf(body) },
    ]);
    expect(await stored('e1', '//test/atmo/school-3')).toMatchObject({
      dataset: 'school-air',
      provider: 'atmo',
      type: TYPE,
      schemaVersion: 1,
      digest: digestOf(body),
      body,
      expires: door.mesh.now().getTime() / 1000 + 30 * 86_400,
    });
  });

  test('without a source gets its participant as one, and without a time the present, which the digest leaves out', async () => {
    const { time: _, ...bare } = event('e1');
    const [outcome] = await publishing(bare);
    const digest = digestOf(canonicalJson({ ...bare, source: '//test/atmo' }));
    expect(outcome).toEqual({ status: 'accepted', id: 'e1', source: '//test/atmo', digest });
    const entry = await stored('e1');
    expect(JSON.parse(entry?.body ?? '')).toEqual({
      ...bare,
      source: '//test/atmo',
      time: door.mesh.now().toISOString(),
    });
    door.mesh.later(60_000);
    expect(await statuses(bare)).toEqual(['duplicate']);
  });

  test.each([
    '//test/bouygues',
    '//test/atmosphere',
    '//other/atmo',
    '//test/atmo?room=1',
    '//test/atmo/../bouygues',
    '//test/atmo/a/%2E%2e/b',
    'https://atmo.example.org',
  ])('with the source %s is not its own', async (source) => {
    expect(await problemOf(event('e1', { source }))).toMatchObject({
      kind: 'not-valid',
      errors: [{ path: '/source', message: expect.stringContaining('//test/atmo') }],
    });
  });

  test('may name paths below its own source, dots in names included', async () => {
    for (const source of ['//test/atmo/a', '//test/atmo/a.b/..c/v1.0', '//test/atmo/']) {
      expect(await statuses(event('e1', { source }))).toEqual(['accepted']);
    }
  });

  test('is refused with every fault of its data, by JSON Pointer', async () => {
    const problem = await problemOf(event('e1', { data: { co2: 'high', room: 3 } }));
    expect(problem?.errors?.map(({ path }) => path).sort()).toEqual(['/data/co2', '/data/room']);
    expect(await stored('e1')).toBeUndefined();
  });

  test('that is no CloudEvent is refused under the id that it has', async () => {
    const [outcome] = await publishing({ specversion: '0.3', id: 'e1', type: TYPE });
    expect(outcome).toMatchObject({
      status: 'rejected',
      id: 'e1',
      problem: { errors: [{ path: '/specversion' }] },
    });
    expect(await problemOf('text')).toMatchObject({ kind: 'not-valid' });
    expect(await problemOf({ id: 7 })).toMatchObject({ kind: 'not-valid' });
  });

  test('of a type of nobody, or of somebody else, is refused with what there is', async () => {
    expect(await problemOf(event('e1', { type: 'org.example.unknown' }))).toMatchObject({
      errors: [{ path: '/type', message: expect.stringContaining(TYPE) }],
    });
    const [outcome] = await publish(door.deps, 'app', [event('e1')]);
    expect(outcome).toMatchObject({ status: 'rejected' });
  });

  test('takes as many bytes as canonical JSON as every intermediary must forward, and not one more', async () => {
    const sized = (bytes: number) => {
      const bare = event('e1', { source: '//test/atmo', data: { co2: 1, room: '' } });
      const room = 'é'.repeat((bytes - canonicalJson(bare).length) >> 1);
      const rest = bytes - canonicalJson(bare).length - 2 * room.length;
      return { ...bare, data: { co2: 1, room: room + 'x'.repeat(rest) } };
    };
    expect(await problemOf(sized(MAX_EVENT_BYTES + 1))).toMatchObject({ kind: 'too-large' });
    expect(await statuses(sized(MAX_EVENT_BYTES))).toEqual(['accepted']);
  });
});

describe('the dataset of an event', () => {
  test('must be named only where a type is in several', async () => {
    await door.mesh.has('dataset', given.dataset({ id: 'library-air' }));
    door.forgets();
    const schema = {
      dataset: 'library-air',
      type: TYPE,
      version: 1,
      schema: true,
      createdAt: given.notice().time,
    };
    await door.mesh.has('schema', schema);
    expect(await problemOf(event('e1'))).toMatchObject({
      errors: [
        {
          path: '/dataset',
          message: expect.stringMatching(/library-air.*school-air|school-air.*library-air/),
        },
      ],
    });
    expect(await problemOf(event('e1', { dataset: 'elsewhere' }))).toMatchObject({
      errors: [{ path: '/dataset' }],
    });
    expect(await statuses(event('e1', { dataset: 'school-air' }))).toEqual(['accepted']);
    // The same source and id on another dataset is another event.
    expect(await statuses(event('e1', { dataset: 'library-air' }))).toEqual(['accepted']);
    expect(await statuses(event('n1', { type: OTHER, data: 3 }))).toEqual(['accepted']);
  });

  test('that is retired takes nothing more', async () => {
    await publishing(event('e0'));
    const before = await door.mesh.registry.read('dataset', 'school-air');
    if (!before) throw new Error('there is a dataset');
    const item = { ...before, status: 'retired' as const };
    await door.mesh.registry.write([{ do: 'replace', noun: 'dataset', before, item }]);
    expect(await statuses(event('e1')), 'while the catalogue is fresh').toEqual(['accepted']);
    door.mesh.later(2000);
    expect(await problemOf(event('e2'))).toMatchObject({
      errors: [{ path: '/type', message: expect.stringMatching(/retired/) }],
    });
  });
});

describe('the same source and id', () => {
  const one = event('e1');
  const other = event('e1', { data: { co2: 900 } });

  test('is a duplicate with the same content and a conflict with other, whichever way it is written', async () => {
    await publishing(one);
    const rewritten = Object.fromEntries(Object.entries({ ...one, source: '//test/atmo' }).reverse());
    const outcomes = await publishing(rewritten, event('e2'), other);
    expect(outcomes.map(({ status }) => status)).toEqual(['duplicate', 'accepted', 'rejected']);
    expect(outcomes[2]).toMatchObject({ id: 'e1', problem: { kind: 'conflict' } });
    expect((await stored('e1'))?.body).toContain('800');
  });

  test('within one call is judged against the first of them', async () => {
    expect(await statuses(one, one, other, one)).toEqual(['accepted', 'duplicate', 'rejected', 'duplicate']);
    expect((await stored('e1'))?.body).toContain('800');
  });

  test('after a conflict with what is stored, is a duplicate where it equals that', async () => {
    await publishing(one);
    expect(await statuses(other, one, other, one)).toEqual([
      'rejected',
      'duplicate',
      'rejected',
      'duplicate',
    ]);
  });

  test('goes to the ledger at most once in a call', async () => {
    const calls: string[][] = [];
    const ledger = {
      append: (entries: LedgerEntry[]) => {
        calls.push(entries.map(({ key }) => key));
        return door.ledger.append(entries);
      },
    };
    await publishing(one);
    await publish({ ...door.deps, ledger }, 'atmo', [other, one, event('e2'), event('e2')]);
    expect(calls.map((keys) => keys.length)).toEqual([2, 1]);
    for (const keys of calls) expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('what the ledger cannot take', () => {
  /** A ledger that is throttled for some events. */
  const throttled = (...ids: string[]) => ({
    async append(entries: LedgerEntry[]): Promise<AppendResult[]> {
      const open = entries.filter(({ body }) => !ids.some((id) => body.includes(`"id":"${id}"`)));
      const results = new Map((await door.ledger.append(open)).map((result, index) => [open[index], result]));
      return entries.map((entry) => results.get(entry) ?? 'failed');
    },
  });

  test('is failed, never rejected, and may be sent again', async () => {
    const deps = { ...door.deps, ledger: throttled('e2') };
    const outcomes = await publish(deps, 'atmo', [event('e1'), event('e2'), event('e2'), event('e3')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['accepted', 'failed', 'failed', 'accepted']);
    expect(outcomes[1]).toMatchObject({ problem: { kind: 'unavailable', retryAfter: 1 } });
    expect(await statuses(event('e2'))).toEqual(['accepted']);
  });

  test('is failed for other content too, of which nothing is known', async () => {
    const deps = { ...door.deps, ledger: throttled('e1') };
    const outcomes = await publish(deps, 'atmo', [event('e1'), event('e1', { data: { co2: 900 } })]);
    expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'failed']);
  });

  test('is not told as accepted when it throws', async () => {
    const ledger = { append: () => Promise.reject(new Error('out')) };
    await expect(publish({ ...door.deps, ledger }, 'atmo', [event('e1')])).rejects.toThrow('out');
  });
});

test('a batch tells each of its events by index, and counts them', async () => {
  await publishing(event('old'));
  const outcomes = await publishing(event('e1'), event('old'), event('bad', { data: {} }), 7);
  const result = batchResult(outcomes);
  expect(result).toMatchObject({ accepted: 1, duplicates: 1, rejected: 2, failed: 0 });
  expect(result.results.map(({ index, id, status }) => [index, id, status])).toEqual([
    [0, 'e1', 'accepted'],
    [1, 'old', 'duplicate'],
    [2, 'bad', 'rejected'],
    [3, undefined, 'rejected'],
  ]);
  expect(result.results[0]).not.toHaveProperty('problem');
});

test('sequences order what was accepted', async () => {
  await publishing(event('a'), event('b'));
  door.mesh.later(1);
  await publishing(event('c'));
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => stored(id)));
  expect([a, b, c].map((entry) => entry?.sequence)).toEqual([a, b, c].map((entry) => entry?.sequence).sort());
});

test('an accepted event is accepted anew once its retention is over', async () => {
  const ledger = memoryLedger({ clock: door.mesh.now });
  const deps = { ...door.deps, ledger };
  await publish(deps, 'atmo', [event('e1')]);
  door.mesh.later(30 * 86_400_000 + 1000);
  const [outcome] = await publish(deps, 'atmo', [event('e1', { data: { co2: 1 } })]);
  expect(outcome).toMatchObject({ status: 'accepted' });
});
