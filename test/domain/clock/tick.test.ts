import { decodeTime } from 'ulid';
import { beforeEach, describe, expect, test } from 'vitest';
import { eachApart, inTurn } from '../../../domain/clock/apart.ts';
import { wantedRule } from '../../../domain/clock/reconcile.ts';
import { releaseDue } from '../../../domain/clock/release.ts';
import { reroute } from '../../../domain/clock/reroute.ts';
import { tick } from '../../../domain/clock/tick.ts';
import { startReplay } from '../../../domain/replay/replay.ts';
import { beginUpload } from '../../../domain/uploads/begin.ts';
import type { Gap } from '../../../domain/ports.ts';
import { uploadRequest } from '../../../schemas/upload.ts';
import { given, TYPE } from '../../given.ts';
import { type Break, flowInMemory, type MemoryFlow } from '../deliver/flow.ts';
import { eventByEvent } from './portions.ts';
import { subscribed } from './subscribed.ts';

const SETTLING_MS = 120_000;
let flow: MemoryFlow;
let breaks: Break;
beforeEach(() => {
  breaks = () => undefined;
  flow = flowInMemory({
    breaks: (port, call) => breaks(port, call),
  });
});
const breaking = (...names: string[]): void => {
  breaks = (port, call) => (names.includes(`${port}.${call}`) ? 'before' : undefined);
};
/** The events that wait on the queue. */
const queued = (): string[] => flow.queue.take().map(({ event }) => event.sequence);
const ruleNames = async () => (await flow.rules.list()).map(({ name }) => name).sort();
describe('releasing what is due', () => {
  const waiting = async (dueIn: number, more = {}) => {
    const { subscription } = await flow.begins();
    const dueAt = new Date(flow.now().getTime() + dueIn).toISOString();
    const { key, sequence } = await flow.accepted();
    const event = { ...given.delivery().event, key, sequence };
    const delivery = given.delivery({
      subscription: subscription.id,
      status: 'retrying',
      attemptCount: 3,
      dueAt,
      event,
      ...more,
    });
    await flow.deliveries.write([delivery]);
    return { subscription, delivery };
  };

  test('sends a wake-up that names its delivery and attempts, then takes the due date away', async () => {
    const { subscription, delivery } = await waiting(0);
    await waiting(1);
    expect(await releaseDue(flow, flow.now())).toMatchObject({ released: 1 });
    const { key, sequence } = delivery.event;
    expect(flow.queue.take()).toMatchObject([
      {
        subscription: { id: subscription.id },
        event: { key, sequence },
        again: { delivery: delivery.id, attempts: 3 },
      },
    ]);
    expect(await flow.delivery(delivery.id)).not.toHaveProperty('dueAt');
    expect(await releaseDue(flow, flow.now())).toMatchObject({ released: 0 });
  });

  test('interrupted before it sends loses nothing', async () => {
    const { delivery } = await waiting(0);
    breaking('queue.send');
    await expect(releaseDue(flow, flow.now())).rejects.toThrow();
    expect(await flow.delivery(delivery.id)).toHaveProperty('dueAt', delivery.dueAt);
  });

  test('interrupted after it sent sends twice, of which one is dropped', async () => {
    const { delivery } = await waiting(0);
    breaking('deliveries.released');
    await expect(releaseDue(flow, flow.now())).rejects.toThrow();
    breaking();
    await releaseDue(flow, flow.now());
    const messages = flow.queue.take();
    expect(messages).toHaveLength(2);
    for (const message of messages) await flow.deliver(message);
    expect(flow.sent()).toEqual([delivery.id]);
  });

  test('goes past what no subscription stands for any more', async () => {
    const { delivery } = await waiting(0, { subscription: `sub_${'0'.repeat(26)}` });
    const { delivery: other } = await waiting(0);
    expect(await releaseDue(flow, flow.now())).toMatchObject({ released: 1 });
    expect(flow.queue.take()).toMatchObject([{ again: { delivery: other.id } }]);
    expect(await flow.delivery(delivery.id)).not.toHaveProperty('dueAt');
  });
});

describe('work that is more than a beat can do', () => {
  test('stops where time is over: what is due stays due', async () => {
    const { subscription } = await flow.begins();
    const dueAt = flow.now().toISOString();
    const many = Array.from({ length: 250 }, () =>
      given.delivery({ subscription: subscription.id, status: 'retrying', dueAt }),
    );
    await flow.deliveries.write(many);
    const first = await releaseDue(flow, flow.now(), () => false);
    expect(first.released).toBeLessThan(250);
    const rest = await releaseDue(flow, flow.now());
    expect(first.released + rest.released).toBe(250);
  });

  /** What each of so many beats begins with: one that has time for so many. */
  const begun = async (items: string[], beats: number, many: number): Promise<string[][]> => {
    const done: string[][] = [];
    for (let minute = 0; minute < beats; minute += 1) {
      const some: string[] = [];
      const turns = inTurn(items, ([owner = '']) => owner, new Date(minute * 60_000));
      await eachApart(
        turns,
        async (item) => void some.push(item),
        () => some.length < many,
      );
      done.push(some);
    }
    return done;
  };

  test('begins with another one each minute, so that time runs out for each in turn', async () => {
    expect((await begun(['a', 'b', 'c'], 3, 1)).flat().sort()).toEqual(['a', 'b', 'c']);
    expect(inTurn([], String, new Date())).toEqual([]);
  });

  test('takes one of each owner at a time, and comes to each of who has many', async () => {
    const items = ['a1', 'a2', 'a3', 'a4', 'b1'];
    for (const some of await begun(items, 5, 2)) expect(some).toContain('b1');
    expect(new Set((await begun(items, 8, 1)).flat())).toEqual(new Set(items));
    for (const some of await begun(items, 8, 5)) expect(some.sort()).toEqual(items);
  });

  test('is left to the next beat, be it replays, uploads or what is due', async () => {
    const { subscription } = await flow.begins();
    const dueAt = flow.now().toISOString();
    const due = Array.from({ length: 250 }, () =>
      given.delivery({
        id: `dlv_${flow.nextSequence(flow.now())}`,
        subscription: subscription.id,
        status: 'retrying',
        dueAt,
      }),
    );
    await flow.deliveries.write(due);
    for (let n = 0; n < 600; n += 1) await flow.accepted();
    flow.later(10);
    const period = { from: '2026-01-01T00:00:00.000Z', to: flow.now().toISOString() };
    await startReplay(flow, given.caller('app'), subscription.id, period);
    const declared = { dataset: 'school-air', type: TYPE, contentType: 'image/png', bytes: 1 };
    const asked = uploadRequest.parse({ ...declared, sha256: '0'.repeat(64) });
    const { upload } = await beginUpload(flow, given.caller('atmo'), asked);
    const checked: string[] = [];
    const checkUpload = async (id: string) => (checked.push(id), 'absent' as const);
    let clock = flow.now().getTime();
    const hurried = { ...flow, checkUpload, clock: () => new Date((clock += 40_000)) };
    const first = await tick(hurried, flow.now());
    expect(first).toMatchObject({ replayed: 0 });
    expect(first.released).toBeLessThan(250);
    expect(checked).toEqual([]);
    const next = await tick({ ...flow, checkUpload }, flow.now());
    expect(next).toMatchObject({ released: 250 - first.released, replayed: 100 });
    expect(checked).toEqual([upload.id]);
  });
});

describe('gaps', () => {
  const beat = () => tick(flow, flow.now());
  test('are routed again by their keys, and closed', async () => {
    await subscribed(flow);
    const [one, two] = [await flow.accepted(), await flow.accepted()];
    await flow.gaps.report({ keys: [one.key, two.key, 'expired'] });
    expect(await beat()).toMatchObject({ rerouted: 2 });
    expect(new Set(queued())).toEqual(new Set([one.sequence, two.sequence]));
    expect(flow.gaps.waiting.size).toBe(0);
  });

  test('are routed again by their span, in every dataset', async () => {
    await subscribed(flow);
    const before = await flow.accepted();
    flow.later(10);
    const from = flow.now();
    const inside = await flow.accepted();
    await flow.has('dataset', given.dataset({ id: 'library-air' }));
    const other = given.entry({ dataset: 'library-air', sequence: flow.nextSequence(from) });
    await flow.ledger.append([other]);
    flow.later(10);
    const to = flow.now();
    const after = await flow.accepted();
    expect(await reroute(flow, { from, to }, flow.now())).toEqual({ count: 2 });
    const sequences = queued();
    expect(sequences).toEqual([inside.sequence]);
    expect(sequences).not.toContain(before.sequence);
    expect(sequences).not.toContain(after.sequence);
  });

  test('of more than a beat can route are gone on with where it ended, dataset by dataset', async () => {
    await subscribed(flow);
    const from = flow.now();
    await flow.has('dataset', given.dataset({ id: 'library-air' }));
    const sequences: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      sequences.push((await flow.accepted()).sequence);
      flow.later(10);
      const other = given.entry({ dataset: 'library-air', sequence: flow.nextSequence(flow.now()) });
      await flow.ledger.append([other]);
    }
    // One page at a time, and a beat that has time for none but its first.
    const ledger = eventByEvent(flow.ledger);
    const put: string[] = [];
    const bus = { put: async (events: { key: string }[]) => (put.push(...events.map(({ key }) => key)), []) };
    const deps = { ...flow, ledger, bus };
    let left: Gap | undefined = { from, to: new Date(flow.now().getTime() + 1) };
    let beats = 0;
    for (; left && beats < 40; beats += 1) ({ left } = await reroute(deps, left, flow.now(), () => false));
    expect(left).toBeUndefined();
    expect(beats).toBeGreaterThan(5);
    expect(new Set(put).size).toBe(12);
  });

  test('a beat that was too short reports what is left', async () => {
    await subscribed(flow);
    await flow.gaps.report({ from: flow.now(), to: new Date(flow.now().getTime() + 60_000) });
    flow.later(10);
    const one = await flow.accepted();
    let clock = flow.now().getTime();
    await tick({ ...flow, clock: () => new Date((clock += 40_000)) }, flow.now());
    const done = { dataset: one.dataset, before: new Date(decodeTime(one.sequence)) };
    expect([...flow.gaps.waiting.values()]).toMatchObject([{ done }]);
    await beat();
    expect(flow.gaps.waiting.size).toBe(0);
  });

  test('what cannot be read of the ledger is set aside, and the beat fails until somebody has looked', async () => {
    await subscribed(flow);
    const from = flow.now();
    const broken = given.entry({ dataset: 'air', sequence: flow.nextSequence(from), body: '{broken' });
    const { dataset } = await flow.accepted();
    await flow.ledger.append([{ ...broken, dataset }]);
    const to = new Date(from.getTime() + 60_000);
    expect(await reroute(flow, { from, to }, flow.now())).toEqual({ count: 1 });
    expect(flow.gaps.aside).toEqual([broken.key]);
    await expect(beat()).rejects.toThrow('cannot be routed again');
    flow.gaps.aside.splice(0);
    await beat();
  });

  test('that cannot be closed stay, and hold up no other', async () => {
    await subscribed(flow);
    const [one, two] = [await flow.accepted(), await flow.accepted()];
    await flow.gaps.report({ keys: [one.key] });
    await flow.gaps.report({ keys: [two.key] });
    const bus = { put: async (events: { key: string }[]) => (events[0]?.key === one.key ? [0] : []) };
    await expect(tick({ ...flow, bus }, flow.now())).rejects.toThrow(/1 of 1 events/);
    expect([...flow.gaps.waiting.values()]).toEqual([{ keys: [one.key] }]);
  });
});

describe('a beat of the clock', () => {
  test('does all its parts, although each of the others throws', async () => {
    const subscription = await subscribed(flow);
    const entry = await flow.accepted();
    const dueAt = flow.now().toISOString();
    const event = { ...given.delivery().event, key: entry.key, sequence: entry.sequence };
    const id = `dlv_${entry.sequence}`;
    const due = given.delivery({ id, subscription: subscription.id, status: 'retrying', dueAt, event });
    await flow.deliveries.write([due]);
    await flow.gaps.report({ keys: [entry.key] });
    const rule = wantedRule(subscription);
    if (rule) await flow.rules.put({ ...rule, name: `sub_${'0'.repeat(26)}` });
    flow.later(SETTLING_MS);

    const done = async () => ({
      released: (await flow.delivery(due.id))?.dueAt === undefined,
      closed: flow.gaps.waiting.size === 0,
      removed: !(await ruleNames()).includes(`sub_${'0'.repeat(26)}`),
      settled: (await flow.subscription(subscription.id)).rule.settled,
    });
    breaking('deliveries.due', 'bus.put', 'rules.remove', 'ledger.history');
    await expect(tick(flow, flow.now())).rejects.toThrow('deliveries.due');
    breaking('deliveries.due', 'bus.put', 'rules.remove');
    await expect(tick(flow, flow.now())).rejects.toThrow('deliveries.due');
    breaking();
    expect(await done()).toEqual({ released: false, closed: false, removed: false, settled: true });
    breaking('deliveries.due', 'bus.put');
    await expect(tick(flow, flow.now())).rejects.toThrow('deliveries.due');
    breaking('deliveries.due');
    await expect(tick(flow, flow.now())).rejects.toThrow('deliveries.due');
    breaking();
    expect(await done()).toEqual({ released: false, closed: true, removed: true, settled: true });
    expect(await tick(flow, flow.now())).toMatchObject({
      released: 1,
      rerouted: 0,
      rulesPut: 0,
      rulesRemoved: 0,
      settled: 0,
      backfilled: 0,
    });
  });
});
