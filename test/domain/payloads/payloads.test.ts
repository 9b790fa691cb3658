import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { schemaJudge } from '../../../adapters/json-schema/judge.ts';
import { readHistory } from '../../../domain/history/history.ts';
import { MAX_PAYLOAD_BYTES } from '../../../domain/payloads/claim.ts';
import { eraseEvent } from '../../../domain/personal-data/erase.ts';
import { ARRIVED_AFTER_MS, continueErasures } from '../../../domain/personal-data/receivers.ts';
import { sweepExpired } from '../../../domain/personal-data/sweep.ts';
import { sweepPayloads } from '../../../domain/payloads/sweep.ts';
import { payloadLink } from '../../../domain/payloads/link.ts';
import { LINK_SECONDS, visitPayload } from '../../../domain/payloads/visit.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import { catalogueReader } from '../../../domain/publish/catalogue.ts';
import { publish, type PublishDeps } from '../../../domain/publish/publish.ts';
import { startReplay } from '../../../domain/replay/replay.ts';
import { receive } from '../../../domain/pull/pull.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import { eventKey } from '../../../events/key.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { flowInMemory, type MemoryFlow, letIn } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';

const app = given.caller('app');
const HOUR = 3_600_000;
const PICTURE = 'org.example.picture.v1';
const publicUrl = 'https://mesh.example.org';
const large = 'x'.repeat(100_000);

let flow: MemoryFlow;
let deps: PublishDeps;
let contract: Contract;
let subscription: Subscription;

beforeEach(async () => {
  flow = flowInMemory();
  const types = [
    { type: TYPE, compatibility: 'backward', schemaVersion: 1 },
    { type: PICTURE, compatibility: 'none', schemaVersion: 1 },
  ] as const;
  await flow.has('dataset', given.dataset({ types: [...types] }));
  for (const { type } of types)
    await flow.has('schema', {
      dataset: 'school-air',
      type,
      version: 1,
      createdAt: '',
      schema: type === TYPE ? SCHEMA : {},
    });
  ({ contract, subscription } = await flow.begins());
  const reader = { maxAgeMs: 2000, now: () => flow.now().getTime() };
  deps = {
    territory: 'test',
    ledger: flow.ledger,
    now: flow.now,
    nextSequence: flow.nextSequence,
    types: catalogueReader(flow.registry, schemaJudge(), reader),
    payloads: flow.payloads,
  };
  Object.assign(flow.deps, { payloads: flow.payloads, publicUrl });
});

const event = (more: Partial<CloudEvent> = {}) => {
  const { source: _, ...rest } = given.event({ data: { co2: 1234, room: large, teacher: 'Curie' }, ...more });
  return rest;
};
const publishes = async (candidate: object) => (await publish(deps, 'atmo', [candidate]))[0];
async function accepted(candidate: { id: string }): Promise<LedgerEntry> {
  expect(await publishes(candidate)).toMatchObject({ status: 'accepted' });
  const [entry] = await flow.ledger.read([eventKey('school-air', '//test/atmo', candidate.id)], flow.now());
  if (!entry) throw new Error('nothing was accepted');
  return entry;
}
/** Delivers it, and answers what came. */
async function delivered(entry: LedgerEntry): Promise<Record<string, unknown> | undefined> {
  flow.sender.requests.length = 0;
  await flow.deliver(flow.matched(subscription, entry));
  const [request] = flow.sender.requests;
  return request && (JSON.parse(String(request.body)) as Record<string, unknown>);
}
const idOf = (told: Record<string, unknown> | undefined): string =>
  String(told?.['dataref']).slice(`${publicUrl}/v1/payloads/`.length);
const visits = (id: string, caller: typeof app | undefined = app) =>
  visitPayload({ ...flow, sealer: flow.deps.sealer }, caller, id);
/** What a link leads to. */
const behind = (url: string) => {
  const name = new URL(url).pathname.slice(1);
  return flow.payloads.kept.get(name)?.toString() ?? '';
};
const terms = (...minimisation: Contract['terms']['minimisation']) => ({ terms: { minimisation } });
const noTeacher = { clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' };

describe('publishing large data', () => {
  test('keeps it apart, before the event; the digest is that of the whole event', async () => {
    const candidate = event();
    const outcome = await publishes(candidate);
    const entry = (
      await flow.ledger.read([eventKey('school-air', '//test/atmo', candidate.id)], flow.now())
    )[0];
    expect(entry?.body.length).toBeLessThan(1000);
    expect(entry?.digest).toBe(outcome && 'digest' in outcome ? outcome.digest : '');
    expect(entry?.payload).toMatch(/^until\/2026-03-31\/.+\.json$/);
    expect(JSON.parse(flow.payloads.kept.get(entry?.payload ?? '')?.toString() ?? '')).toEqual(
      candidate.data,
    );
  });

  test('knows a duplicate, and leaves what was accepted when another content clashes with it', async () => {
    const candidate = event();
    const entry = await accepted(candidate);
    expect(await publishes(candidate)).toMatchObject({ status: 'duplicate' });
    const other = { ...candidate, data: { co2: 1, room: large } };
    expect(await publishes(other)).toMatchObject({ status: 'rejected', problem: { kind: 'conflict' } });
    expect(flow.payloads.kept.size).toBe(1);
    expect(flow.payloads.kept.get(entry.payload ?? '')?.toString()).toContain('Curie');
  });

  test('obeys the schema, and its limit', async () => {
    expect(await publishes(event({ data: { room: large } }))).toMatchObject({ status: 'rejected' });
    expect(flow.payloads.kept.size).toBe(0);
    const tooLarge = event({ data: { co2: 1, room: 'x'.repeat(MAX_PAYLOAD_BYTES) } });
    expect(await publishes(tooLarge)).toMatchObject({ status: 'rejected', problem: { kind: 'too-large' } });
    expect(await publishes(event({ dataref: 'https://else.example.org' }))).toMatchObject({
      status: 'rejected',
      problem: { errors: [{ path: '/dataref' }] },
    });
  });

  test('that could not be kept is to come again, and is not in the ledger', async () => {
    deps.payloads = { ...flow.payloads, put: () => Promise.reject(new Error('the bucket is down')) };
    const candidate = event();
    expect(await publishes(candidate)).toMatchObject({ status: 'failed', id: candidate.id });
    expect(await flow.ledger.read([eventKey('school-air', '//test/atmo', candidate.id)], flow.now())).toEqual(
      [undefined],
    );
  });

  test('goes with its event when that is erased, and is not kept when it comes again', async () => {
    const candidate = event();
    await accepted(candidate);
    await eraseEvent({ ...flow, sealer: flow.deps.sealer }, given.caller('atmo'), 'school-air', {
      id: candidate.id,
    });
    expect(flow.payloads.kept.size).toBe(0);
    expect(await publishes(candidate)).toMatchObject({ status: 'rejected' });
    expect(flow.payloads.kept.size).toBe(0);
  });

  test('takes bytes as they are', async () => {
    const bytes = randomBytes(80_000);
    const entry = await accepted({
      ...event({ type: PICTURE, datacontenttype: 'image/png', data_base64: bytes.toString('base64') }),
      data: undefined,
    } as never);
    expect(entry.payload).toMatch(/\.bin$/);
    expect(flow.payloads.kept.get(entry.payload ?? '')).toEqual(bytes);
  });
});

describe('a delivery of large data', () => {
  test('carries a link of its own, and none of the data', async () => {
    const entry = await accepted(event());
    const told = await delivered(entry);
    expect(told).not.toHaveProperty('data');
    expect(told?.['dataref']).toMatch(/^https:\/\/mesh\.example\.org\/v1\/payloads\/[\w-]+$/);
    const url = await visits(idOf(told));
    expect(url).toContain(`seconds=${LINK_SECONDS}`);
    expect(LINK_SECONDS).toBeLessThanOrEqual(5);
    expect(behind(url)).toContain('Curie');
  });

  test('has a filter on its data evaluated', async () => {
    await flow.changes('subscription', subscription.id, {
      filter: { data: { co2: [{ numeric: ['>', 1000] }] } },
    });
    expect(await delivered(await accepted(event()))).toHaveProperty('dataref');
    expect(await delivered(await accepted(event({ data: { co2: 400, room: large } })))).toBeUndefined();
    flow.payloads.kept.clear();
    const unread = await flow.deliver(flow.matched(subscription, await accepted(event())));
    expect(unread.records).toHaveLength(1);
  });

  test('is in a replay, where the filter is evaluated as well', async () => {
    const filter = { data: { co2: [{ numeric: ['>', 1000] }] } };
    await flow.changes('subscription', subscription.id, { filter });
    await accepted(event());
    await accepted(event({ data: { co2: 400, room: large } }));
    flow.later(1000);
    const span = { from: '2026-01-01T00:00:00.000Z', to: flow.now().toISOString() };
    await startReplay(flow, app, subscription.id, span);
    await flow.wakes();
    expect(flow.sent()).toHaveLength(1);
  });

  test('waits while its filter cannot be evaluated', async () => {
    await flow.changes('subscription', subscription.id, {
      filter: { data: { co2: [{ numeric: ['>', 1000] }] } },
    });
    const entry = await accepted(event());
    flow.payloads.kept.clear();
    expect((await flow.deliver(flow.matched(subscription, entry))).failed).toEqual([0]);
    expect(flow.sent()).toEqual([]);
  });

  test('reaches pull consumers and readers of the history by links too', async () => {
    const { subscription: pulled } = await flow.begins({
      contract: { id: `ctr_${'2'.repeat(26)}` },
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    const entry = await accepted(event());
    await flow.deliver(flow.matched(pulled, entry));
    const all = { ...flow, sealer: flow.deps.sealer, publicUrl };
    const { messages } = await receive(all, app, pulled.id, { max: 1, waitSeconds: 0 }, letIn);
    flow.later(1000);
    const { items } = await readHistory(all, app, 'school-air', {}, { limit: 5 });
    const links = [messages[0]?.event, items[0]].map(idOf);
    for (const link of links) expect(behind(await visits(link))).toContain('Curie');
    const own = await readHistory(all, given.caller('atmo'), 'school-air', {}, { limit: 5 });
    expect(behind(await visits(idOf(own.items[0]), given.caller('atmo')))).toContain('Curie');
    expect(new Set([...links, idOf(own.items[0])]).size).toBe(3);
  });
});

describe('a visit', () => {
  test('gives a minimised copy where the contract has clauses on the data', async () => {
    await flow.changes(
      'contract',
      contract.id,
      terms(noTeacher, { clause: 'tens', do: 'round', path: '/data/co2', to: 10 }),
    );
    const told = await delivered(await accepted(event()));
    const copy = behind(await visits(idOf(told)));
    expect(JSON.parse(copy)).toEqual({ co2: 1230, room: large });
  });

  test('goes by the clauses of today, not of when the link was made', async () => {
    const told = await delivered(await accepted(event()));
    await flow.changes('contract', contract.id, terms(noTeacher));
    expect(behind(await visits(idOf(told)))).not.toContain('Curie');
  });

  test('withholds what a clause cannot reach into, by its name', async () => {
    const bytes = {
      type: PICTURE,
      datacontenttype: 'image/png',
      data_base64: randomBytes(80_000).toString('base64'),
    };
    const told = await delivered(await accepted({ ...event(bytes), data: undefined } as never));
    await flow.changes('contract', contract.id, terms(noTeacher));
    const { kind, detail } = await problemOf(visits(idOf(told)));
    expect([kind, detail]).toEqual(['conflict', expect.stringContaining('minimisation.no-teacher')]);
  });

  test.each(['suspended', 'terminated'] as const)('leads nowhere once the contract is %s', async (state) => {
    const told = await delivered(await accepted(event()));
    await visits(idOf(told));
    await flow.changes('contract', contract.id, { state });
    expect(['conflict', 'forbidden']).toContain((await problemOf(visits(idOf(told)))).kind);
  });

  test('leads nowhere once the contract does not cover its type', async () => {
    const told = await delivered(await accepted(event()));
    await flow.changes('contract', contract.id, { types: [PICTURE] });
    const { kind, detail } = await problemOf(visits(idOf(told)));
    expect([kind, detail]).toEqual(['conflict', expect.stringContaining('contract.types')]);
  });

  test('goes by the contract that the link was given under, whatever others there are', async () => {
    const stricter = await flow.begins({ contract: { id: `ctr_${'3'.repeat(26)}`, ...terms(noTeacher) } });
    const entry = await accepted(event());
    await flow.deliver(flow.matched(stricter.subscription, entry));
    const [told] = flow.sender.requests.map(
      ({ body }) => JSON.parse(String(body)) as Record<string, unknown>,
    );
    expect(behind(await visits(idOf(told)))).not.toContain('Curie');
  });

  test('that makes a copy is judged after it was made', async () => {
    await flow.changes('contract', contract.id, terms(noTeacher));
    const told = await delivered(await accepted(event()));
    const payloads = {
      ...flow.payloads,
      put: async (...args: Parameters<typeof flow.payloads.put>) => {
        await flow.payloads.put(...args);
        await flow.changes('contract', contract.id, { state: 'terminated' });
      },
    };
    const visit = visitPayload({ ...flow, payloads, sealer: flow.deps.sealer }, app, idOf(told));
    expect(['conflict', 'forbidden']).toContain((await problemOf(visit)).kind);
  });

  test('leads nowhere once the event is erased: its data and the copies of it are gone', async () => {
    const told = await delivered(await accepted(event({ id: 'badge' })));
    const spared = await accepted(event({ id: 'spared' }));
    await flow.changes('contract', contract.id, terms(noTeacher));
    const copy = await visits(idOf(told));
    expect(behind(copy)).not.toContain('Curie');
    // No copy's name tells what event it is of.
    expect([...flow.payloads.kept.keys()].filter((name) => name.includes('copy.')).join()).not.toContain(
      eventKey('school-air', '//test/atmo', 'badge'),
    );
    const deps = { ...flow, sealer: flow.deps.sealer };
    await eraseEvent(deps, given.caller('atmo', { roles: ['provider'] }), 'school-air', { id: 'badge' });
    expect([...flow.payloads.kept.keys()]).toEqual([spared.payload]);
    expect((await problemOf(visits(idOf(told)))).kind).toBe('not-found');
  });

  test('by anybody else, or with a link that was made up, leads nowhere', async () => {
    const told = await delivered(await accepted(event()));
    const id = idOf(told);
    expect((await problemOf(visits(id, given.caller('lab')))).kind).toBe('forbidden');
    expect((await problemOf(visitPayload({ ...flow, sealer: flow.deps.sealer }, undefined, id))).kind).toBe(
      'unauthenticated',
    );
    for (const other of ['x', id.slice(0, -1), `${id.startsWith('A') ? 'B' : 'A'}${id.slice(1)}`, `${id}A`])
      expect((await problemOf(visits(other))).kind).toBe('not-found');
  });

  test('leads nowhere once the retention is shortened, and the sweep takes the data with its event', async () => {
    await accepted(event());
    await flow.changes('dataset', 'school-air', { retentionDays: 1 });
    const now = new Date(flow.now().getTime() + 5 * 24 * HOUR);
    for (let beat = 0; beat < 3; beat += 1) await sweepExpired(flow, now);
    expect(flow.payloads.kept.size).toBe(0);
  });

  test('leads nowhere behind the retention, and the data goes with its day', async () => {
    const told = await delivered(await accepted(event()));
    expect(flow.payloads.kept.size).toBe(1);
    flow.later(29 * 24 * HOUR);
    await visits(idOf(told));
    flow.later(25 * HOUR);
    expect((await problemOf(visits(idOf(told)))).kind).toBe('not-found');
    const sweep = new Date('2026-04-01T00:07:30.000Z');
    expect(await sweepPayloads(flow.payloads, new Date('2026-03-31T23:07:00.000Z'))).toBe(0);
    expect(await sweepPayloads(flow.payloads, new Date('2026-04-01T00:08:00.000Z'))).toBe(0);
    expect(await sweepPayloads(flow.payloads, sweep)).toBe(1);
    expect(flow.payloads.kept.size).toBe(0);
  });

  test('of bytes that no clause reaches into gives them under a name that says nothing', async () => {
    const bytes = randomBytes(80_000);
    const picture = { type: PICTURE, datacontenttype: 'image/png', data_base64: bytes.toString('base64') };
    await flow.changes(
      'contract',
      contract.id,
      terms({ clause: 'no-subject', do: 'drop', path: '/subject' }),
    );
    const entry = await accepted({ ...event(picture), data: undefined } as never);
    const url = await visits(idOf(await delivered(entry)));
    expect(url).not.toContain(entry.key);
    expect(flow.payloads.kept.get(new URL(url).pathname.slice(1))).toEqual(bytes);
  });

  test('by pseudonym: two consumers cannot tell that theirs is the same', async () => {
    const pseudonyms = { clause: 'who', do: 'pseudonymise' as const, path: '/data/teacher', rotate: 'P30D' };
    await flow.changes('contract', contract.id, terms(pseudonyms));
    const entry = await accepted(event());
    const [one, two] = [await delivered(entry), await visits(idOf(await delivered(entry))).catch(() => '')];
    expect(idOf(one)).not.toContain(entry.key);
    expect(two).not.toContain(entry.key);
    const url = await visits(idOf(one));
    expect(url).not.toContain(entry.key);
    expect(behind(url)).not.toContain('Curie');
  });
});

describe('a visit of an opaque upload, where clauses are on its event alone', () => {
  const name = 'until/2026-03-31/upl_1.raw';
  const contentType = 'application/zip';
  const key = eventKey('school-air', '//test/atmo', 'plan');
  let copied: string[];
  let link: string;
  beforeEach(async () => {
    await flow.changes('contract', contract.id, terms({ clause: 'c', do: 'drop', path: '/subject' }));
    await flow.payloads.put({ name, body: Buffer.from('PK'), contentType });
    const opaque = { id: 'plan', datacontenttype: contentType, dataref: '/v1/payloads' };
    const { data: _, ...body } = given.event(opaque);
    const sequence = flow.nextSequence(flow.now());
    await flow.ledger.append([given.entry({ key, sequence, payload: name, body: JSON.stringify(body) })]);
    const to = { contract: contract.id, dataset: 'school-air', key };
    link = idOf({ dataref: await payloadLink({ sealer: flow.deps.sealer, publicUrl }, to) });
    copied = [];
  });
  const visitsUnread = (meanwhile: () => Promise<unknown> = () => Promise.resolve()) => {
    const payloads: typeof flow.payloads = {
      ...flow.payloads,
      read: () => Promise.reject(new Error('it may be of 5 GB')),
      copy: async (from, to) => {
        copied.push(to.contentType);
        const body = flow.payloads.kept.get(from);
        await meanwhile();
        if (body) flow.payloads.kept.set(to.name, body);
        return body !== undefined;
      },
    };
    return visitPayload({ ...flow, payloads, sealer: flow.deps.sealer }, app, link);
  };
  const all = () => ({ ...flow, sealer: flow.deps.sealer });
  const erases = () => eraseEvent(all(), given.caller('atmo'), 'school-air', { id: 'plan' });

  test('has the bucket copy it, once, and never reads it', async () => {
    const url = await visitsUnread();
    expect(behind(url)).toBe('PK');
    expect(url).not.toContain('upl_1');
    expect(await visitsUnread()).toBe(url);
    expect(copied).toEqual([contentType]);
  });

  test('leads nowhere once it is erased, with its copy', async () => {
    await visitsUnread();
    await erases();
    expect([...flow.payloads.kept.keys()]).toEqual([]);
    expect((await problemOf(visitsUnread())).kind).toBe('not-found');
  });

  test('leads nowhere where it is erased while it is copied, and that copy is found', async () => {
    expect((await problemOf(visitsUnread(erases))).kind).toBe('not-found');
    expect([...flow.payloads.kept.keys()]).not.toEqual([]);
    await continueErasures(all(), flow.now(), { mayClose: false });
    flow.later(ARRIVED_AFTER_MS);
    await continueErasures(all(), flow.now(), { mayClose: true });
    expect([...flow.payloads.kept.keys()]).toEqual([]);
  });

  test('leads nowhere where the data is not there', async () => {
    flow.payloads.kept.clear();
    expect((await problemOf(visitsUnread())).kind).toBe('not-found');
  });
});
