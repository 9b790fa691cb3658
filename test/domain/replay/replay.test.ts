import { beforeEach, describe, expect, test } from 'vitest';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import { receive } from '../../../domain/pull/pull.ts';
import { advanceReplays } from '../../../domain/replay/advance.ts';
import { cancelReplay, getReplay, startReplay } from '../../../domain/replay/replay.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given, TYPE } from '../../given.ts';
import { type Break, flowInMemory, type MemoryFlow, letIn } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';

const app = given.caller('app');
const HOUR = 3_600_000;

let flow: MemoryFlow;
let breaks: Break;
let contract: Contract;
let subscription: Subscription;
beforeEach(async () => {
  breaks = () => undefined;
  flow = flowInMemory({ breaks: (port, call) => breaks(port, call) });
  ({ contract, subscription } = await flow.begins());
});

/** So many events, an hour apart, delivered as they came. */
async function delivered(count: number, on = subscription): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for (let n = 0; n < count; n += 1) {
    const entry = await flow.accepted({ data: { co2: 400 + n } });
    await flow.deliver(flow.matched(on, entry));
    entries.push(entry);
    flow.later(HOUR);
  }
  flow.sender.requests.length = 0;
  return entries;
}
/** All of the past. */
const whole = () => ({ from: '2026-01-01T00:00:00.000Z', to: flow.now().toISOString() });
const bodies = () =>
  flow.sender.requests.map(({ body }) => JSON.parse(String(body)) as Record<string, unknown>);

describe('a replay', () => {
  test('sends history again: new deliveries, marked, in order, none twice', async () => {
    const entries = await delivered(3);
    const replay = await startReplay(flow, app, subscription.id, whole());
    expect(replay).toMatchObject({ status: 'done', seen: 3, sent: 3 });
    await flow.wakes();
    expect(flow.sent()).toEqual(
      entries.map(({ sequence }) => deliveryId(sequence, subscription.id, replay.id)),
    );
    expect(bodies().map(({ maillereplay }) => maillereplay)).toEqual(entries.map(() => replay.id));
    const first = await flow.delivery(deliveryId(entries[0]?.sequence ?? '', subscription.id));
    expect(first).toMatchObject({ status: 'delivered', attemptCount: 1 });
    expect(first).not.toHaveProperty('replay');
    const again = await flow.delivery(flow.sent()[0] ?? '');
    expect(again).toMatchObject({ status: 'delivered', replay: replay.id });
  });

  test('takes what lies in its time, of its types, and what the filter wants', async () => {
    await flow.changes('subscription', subscription.id, {
      filter: { data: { co2: [{ numeric: ['>', 401] }] } },
    });
    const start = flow.now().getTime();
    await delivered(5);
    await flow.accepted({ type: 'org.example.noise.v1', data: { co2: 9000 } });
    flow.later(HOUR);
    const from = new Date(start + HOUR).toISOString();
    const to = new Date(start + 4 * HOUR).toISOString();
    expect(await startReplay(flow, app, subscription.id, { from, to })).toMatchObject({ seen: 3, sent: 2 });
    expect(await startReplay(flow, app, subscription.id, { ...whole(), types: [TYPE] })).toMatchObject({
      seen: 6,
      sent: 3,
    });
  });

  test('does not even count what the contract does not cover', async () => {
    await flow.changes('contract', contract.id, { types: [TYPE] });
    await delivered(2);
    await flow.accepted({ type: 'org.example.noise.v1' });
    flow.later(HOUR);
    expect(await startReplay(flow, app, subscription.id, whole())).toMatchObject({ seen: 2, sent: 2 });
  });

  test('goes under the contract of today', async () => {
    const entry = await flow.accepted({ data: { co2: 1, teacher: 'Curie' } });
    await flow.deliver(flow.matched(subscription, entry));
    const minimisation = [{ clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' }];
    await flow.changes('contract', contract.id, { terms: { minimisation } });
    flow.later(HOUR);
    flow.sender.requests.length = 0;
    await startReplay(flow, app, subscription.id, whole());
    await flow.wakes();
    expect(bodies()).toMatchObject([{ data: { co2: 1 } }]);
    expect(JSON.stringify(bodies())).not.toContain('Curie');
  });

  test('keeps its mark and its id through retries', async () => {
    await delivered(1);
    flow.answers(500);
    const replay = await startReplay(flow, app, subscription.id, whole());
    await flow.wakes();
    flow.answers(204);
    flow.later(5000);
    await flow.wakes();
    expect(new Set(flow.sent()).size).toBe(1);
    expect(bodies().map(({ maillereplay }) => maillereplay)).toEqual([replay.id, replay.id]);
  });

  test('of a pull subscription waits in its queue, marked', async () => {
    const { subscription: pulled } = await flow.begins({
      contract: { id: `ctr_${'1'.repeat(26)}` },
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    await delivered(1);
    const replay = await startReplay(flow, app, pulled.id, whole());
    await flow.wakes();
    const deps = { ...flow, sealer: flow.deps.sealer };
    const { messages } = await receive(deps, app, pulled.id, { max: 10, waitSeconds: 0 }, letIn);
    expect(messages).toMatchObject([{ event: { maillereplay: replay.id, data: { co2: 400 } } }]);
  });
});

describe('a long replay', () => {
  const many = 1200;
  beforeEach(async () => {
    for (let n = 0; n < many; n += 1) await flow.accepted({ data: { co2: n } });
    flow.later(HOUR);
  });

  test('goes on by the clock, page by page, to its end', async () => {
    const started = await startReplay(flow, app, subscription.id, whole());
    expect(started).toMatchObject({ status: 'running', seen: 500 });
    expect(await advanceReplays(flow, flow.now())).toBe(many - 500);
    expect(await getReplay(flow, app, started.id)).toMatchObject({ status: 'done', seen: many, sent: many });
    const ids = flow.queue.take().map(({ event }) => event.sequence);
    expect([ids.length, new Set(ids).size]).toEqual([many, many]);
    expect(await advanceReplays(flow, flow.now())).toBe(0);
  });

  test('does not hold up another: each has its turn, and what time does not allow goes next time', async () => {
    const { subscription: other } = await flow.begins({ subscription: { consumer: 'app' } });
    const [one, two] = [
      await startReplay(flow, app, subscription.id, whole()),
      await startReplay(flow, app, other.id, whole()),
    ];
    const seenOf = async () => [
      (await getReplay(flow, app, one.id)).seen,
      (await getReplay(flow, app, two.id)).seen,
    ];
    const begun = await seenOf();
    let turns = 2;
    await advanceReplays(flow, flow.now(), () => (turns -= 1) >= 0);
    const [first = 0, second = 0] = await seenOf();
    expect(first).toBe((begun[0] ?? 0) + 400);
    expect(second).toBe(Math.min((begun[1] ?? 0) + 400, many));
    await advanceReplays(flow, flow.now());
    expect(await getReplay(flow, app, one.id)).toMatchObject({ status: 'done', seen: many });
  });

  test('of one of many does not hold up the only one of another consumer, nor does one that breaks', async () => {
    const lab = given.caller('lab');
    await flow.has('participant', given.participant({ id: 'lab' }));
    const { subscription: other } = await flow.begins({
      contract: { id: `ctr_${'2'.repeat(26)}`, consumer: 'lab' },
      subscription: { consumer: 'lab' },
    });
    const many = [1, 2, 3].map(() => startReplay(flow, app, subscription.id, whole()));
    const [broken] = await Promise.all(many);
    const { id, seen } = await startReplay(flow, lab, other.id, whole());
    let turns = 4;
    await advanceReplays(flow, flow.now(), () => (turns -= 1) >= 0);
    expect((await getReplay(flow, lab, id)).seen).toBe(seen + 700);
    const read: typeof flow.registry.read = (noun, one) =>
      one === broken?.id ? Promise.reject(new Error('it broke')) : flow.registry.read(noun, one);
    const registry = { ...flow.registry, read };
    await expect(advanceReplays({ ...flow, registry }, flow.now())).rejects.toThrow('it broke');
    const others = (await Promise.all(many)).slice(1);
    for (const one of others) expect(await getReplay(flow, app, one.id)).toMatchObject({ status: 'done' });
  });

  test('that breaks in the middle goes on where it was, and loses nothing', async () => {
    let sends = 0;
    breaks = (port, call) =>
      port === 'queue' && call === 'send' && (sends += 1) === 2 ? 'after' : undefined;
    const started = await startReplay(flow, app, subscription.id, whole());
    breaks = (port, call) =>
      port === 'registry' && call === 'write' && (sends += 1) === 5 ? 'before' : undefined;
    await advanceReplays(flow, flow.now()).catch(() => undefined);
    breaks = () => undefined;
    await advanceReplays(flow, flow.now());
    expect(await getReplay(flow, app, started.id)).toMatchObject({ status: 'done', seen: many });
    expect(new Set(flow.queue.take().map(({ event }) => event.sequence)).size).toBe(many);
  });

  test('stands still while the contract is suspended, and ends with it', async () => {
    const { id } = await startReplay(flow, app, subscription.id, whole());
    await flow.changes('contract', contract.id, { state: 'suspended' });
    expect(await advanceReplays(flow, flow.now())).toBe(0);
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'running', seen: 500 });
    await flow.changes('contract', contract.id, { state: 'terminated' });
    expect(await advanceReplays(flow, flow.now())).toBe(0);
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'cancelled', seen: 500 });
  });

  test('that is cancelled sends no more, not even what is on its way', async () => {
    const { id } = await startReplay(flow, app, subscription.id, whole());
    const [first, ...others] = flow.queue.take();
    await flow.deliver(...(first ? [first] : []));
    await cancelReplay(flow, app, id);
    flow.later(2000);
    await flow.deliver(...others.slice(0, 10));
    expect(flow.sent()).toHaveLength(1);
    expect(await advanceReplays(flow, flow.now())).toBe(0);
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'cancelled', seen: 500 });
    const { items } = await flow.deliveries.list(subscription.id, { status: 'withheld' }, { limit: 20 });
    expect(items.map(({ clause }) => clause)).toEqual(Array(10).fill('replay.status=cancelled'));
  });
});

describe('a replay over days without events', () => {
  const DAY = 24 * HOUR;
  /** From when to when the ledger was walked, in days before now. */
  const walking = () => {
    const spans: [number, number][] = [];
    const daysAgo = (at: Date) => (flow.now().getTime() - at.getTime()) / DAY;
    const history: typeof flow.ledger.history = (dataset, from, to) => {
      spans.push([daysAgo(from), daysAgo(to)]);
      return flow.ledger.history(dataset, from, to);
    };
    return { spans, deps: { ...flow, ledger: { ...flow.ledger, history } } };
  };
  const since1970 = () => ({ from: '1970-01-01T00:00:00.000Z', to: flow.now().toISOString() });

  test('begins where the retention does: what is older is seen by nobody', async () => {
    await flow.changes('dataset', subscription.dataset, { retentionDays: 30 });
    await delivered(2);
    flow.later(31 * DAY);
    await delivered(1);
    const { spans, deps } = walking();
    const replay = await startReplay(deps, app, subscription.id, since1970());
    expect(spans).toEqual([[30, 0]]);
    expect(replay).toMatchObject({ status: 'done', seen: 1, sent: 1 });
  });

  test('goes a hundred days a turn, keeps how far it came, and comes to what there is', async () => {
    await flow.changes('dataset', subscription.dataset, { retentionDays: 3650 });
    const before = await delivered(3);
    const expires = flow.now().getTime() / 1000 + 3650 * 86_400;
    await flow.ledger.append(before.map((entry) => ({ ...entry, expires })));
    flow.later(300 * DAY);
    const after = await delivered(2);
    const { spans, deps } = walking();
    const { id, status } = await startReplay(deps, app, subscription.id, since1970());
    expect([status, spans.length]).toEqual(['running', 1]);
    await advanceReplays(deps, flow.now());
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'running', seen: 0, sent: 0 });
    for (let beat = 0; beat < 7; beat += 1) await advanceReplays(deps, flow.now());
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'done', seen: 5, sent: 5 });
    expect(flow.queue.take().map(({ event }) => event.sequence)).toEqual(
      [...before, ...after].map(({ sequence }) => sequence),
    );
    expect(Math.max(...spans.map(([from, to]) => Math.round(from - to)))).toBe(100);
  });

  test('can be cancelled on its way', async () => {
    await flow.changes('dataset', subscription.dataset, { retentionDays: 3650 });
    const { id } = await startReplay(flow, app, subscription.id, since1970());
    await cancelReplay(flow, app, id);
    const { spans, deps } = walking();
    await advanceReplays(deps, flow.now());
    expect(spans).toEqual([]);
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'cancelled' });
  });
});

describe('a replay is refused', () => {
  test('to whom the subscription is not, and so is a look at it', async () => {
    await delivered(1);
    const lab = given.caller('lab');
    expect(await problemOf(startReplay(flow, lab, subscription.id, whole()))).toMatchObject({
      kind: 'not-found',
    });
    const { id } = await startReplay(flow, app, subscription.id, whole());
    expect(await problemOf(getReplay(flow, lab, id))).toMatchObject({ kind: 'not-found' });
    expect(await problemOf(cancelReplay(flow, lab, id))).toMatchObject({ kind: 'not-found' });
  });

  test('while the contract does not stand', async () => {
    await flow.changes('contract', contract.id, { state: 'suspended' });
    expect(await problemOf(startReplay(flow, app, subscription.id, whole()))).toMatchObject({
      kind: 'conflict',
      detail: expect.stringContaining('contract.state=suspended') as string,
    });
  });

  test('and one that runs stands still, while the contract hides what the filter reaches', async () => {
    for (let n = 0; n < 501; n += 1) await flow.accepted({ data: { co2: 1000 + n } });
    flow.later(HOUR);
    await flow.changes('subscription', subscription.id, {
      filter: { data: { co2: [{ numeric: ['>', 999] }] } },
    });
    const { id } = await startReplay(flow, app, subscription.id, whole());
    const minimisation = [{ clause: 'air', do: 'round' as const, path: '/data/co2', to: 100 }];
    await flow.changes('contract', contract.id, { terms: { minimisation } });
    expect(await advanceReplays(flow, flow.now())).toBe(0);
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'running', seen: 500, sent: 500 });
    expect(await problemOf(startReplay(flow, app, subscription.id, whole()))).toMatchObject({
      kind: 'conflict',
      detail: expect.stringMatching(/subscription.filter=minimisation.air.*change it/) as string,
    });
    await flow.changes('contract', contract.id, { terms: { minimisation: [] } });
    await advanceReplays(flow, flow.now());
    expect(await getReplay(flow, app, id)).toMatchObject({ status: 'done', seen: 501, sent: 501 });
  });

  test('with every fault at once', async () => {
    await flow.changes('subscription', subscription.id, { types: [TYPE] });
    const from = new Date(flow.now().getTime() + HOUR).toISOString();
    const request = { from, to: from, types: [TYPE, 'org.example.noise.v1'] };
    const { errors } = await problemOf(startReplay(flow, app, subscription.id, request));
    expect(errors?.map(({ path }) => path)).toEqual(['/from', '/to', '/types/1']);
  });
});
