import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { tick } from '../../../domain/clock/tick.ts';
import { cleanDeadLetters } from '../../../domain/personal-data/dead-letters.ts';
import { eraseEvent } from '../../../domain/personal-data/erase.ts';
import { sweepExpired } from '../../../domain/personal-data/sweep.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import { getDelivery, listDeliveries } from '../../../domain/subscriptions/deliveries.ts';
import { eventKey } from '../../../events/key.ts';
import { given } from '../../given.ts';
import { problemOf } from '../mesh.ts';
import { flowInMemory, type MemoryFlow } from '../deliver/flow.ts';

const DAY = 86_400_000;
const FAR = Date.parse('2099-01-01') / 1000;

let flow: MemoryFlow;
beforeEach(async () => {
  flow = flowInMemory();
  await flow.begins({ dataset: { retentionDays: 7, createdAt: flow.now().toISOString() } });
});
const after = (days: number): Date => new Date(flow.now().getTime() + days * DAY);
/** What the store still has, whatever it would hide. */
const stored = async (entries: LedgerEntry[]): Promise<boolean[]> =>
  Promise.all(entries.map(async ({ key }) => (await flow.ledger.place(key, new Date(0))) !== undefined));
/** An event accepted now whose row the store's time to live never reaches. */
async function accepted(): Promise<LedgerEntry> {
  const entry = given.entry({ sequence: flow.nextSequence(flow.now()), expires: FAR });
  await flow.ledger.append([entry]);
  return entry;
}
/** Ticks until nothing more is swept. */
async function sweep(now: Date): Promise<number> {
  let swept = 0;
  for (let tick = 0; tick < 20; tick += 1) {
    const report = await sweepExpired(flow, now);
    swept += report.eventsSwept + report.deliveriesSwept;
  }
  return swept;
}

describe('what has expired', () => {
  test('is deleted from the ledger after the grace that time to live is given, and nothing before', async () => {
    const entry = await accepted();
    await sweep(after(8.9));
    expect(await stored([entry])).toEqual([true]);
    await sweep(after(9.1));
    expect(await stored([entry])).toEqual([false]);
  });

  test('is deleted with its deliveries', async () => {
    const { subscription } = await flow.begins();
    const entry = await accepted();
    const id = deliveryId(entry.sequence, subscription.id);
    await flow.deliveries.write([given.delivery({ id, subscription: subscription.id })]);
    await sweep(after(8));
    expect(await flow.delivery(id)).toBeDefined();
    await sweep(after(10));
    expect(await flow.delivery(id)).toBeUndefined();
  });

  test('is what the present retention says: shortened, stored events go', async () => {
    const entry = await accepted();
    await flow.changes('dataset', 'school-air', { retentionDays: 1 });
    await sweep(after(3.1));
    expect(await stored([entry])).toEqual([false]);
  });

  test('is hidden from its consumer at once, however late it is deleted', async () => {
    const { subscription } = await flow.begins();
    const entry = await accepted();
    const id = deliveryId(entry.sequence, subscription.id);
    const { key, sequence } = entry;
    const event = { ...given.delivery().event, key, sequence };
    await flow.deliveries.write([given.delivery({ id, subscription: subscription.id, event })]);
    const consumer = given.caller('app');
    const shown = async () =>
      (await listDeliveries(flow, consumer, subscription.id, {}, { limit: 10 })).items.length;
    flow.later(2 * DAY);
    expect(await shown()).toBe(1);
    await flow.changes('dataset', 'school-air', { retentionDays: 1 });
    expect(await shown()).toBe(0);
    expect(await problemOf(getDelivery(flow, consumer, id))).toMatchObject({ kind: 'not-found' });
    expect(await flow.delivery(id)).toBeDefined();
  });

  test('lengthened, stays until its new end comes', async () => {
    const early = await accepted();
    flow.later(5 * DAY);
    await sweep(flow.now());
    await flow.changes('dataset', 'school-air', { retentionDays: 60 });
    await sweep(after(20));
    expect(await stored([early])).toEqual([true]);
    await sweep(after(60));
    expect(await stored([early])).toEqual([false]);
  });

  test('goes a bounded part at a time, and in the end all of it', async () => {
    const entries: LedgerEntry[] = [];
    for (let index = 0; index < 2500; index += 1) entries.push(await accepted());
    const first = await sweepExpired(flow, after(10));
    expect(first.eventsSwept).toBe(1000);
    await sweep(after(10));
    expect((await stored(entries)).some(Boolean)).toBe(false);
  });

  test('costs one read for each kind while no round is due', async () => {
    await sweep(after(10));
    let calls = 0;
    const counting = new Proxy(flow.registry, {
      get: (target, name, receiver) => {
        const method: unknown = Reflect.get(target, name, receiver);
        if (typeof method !== 'function') return method;
        return (...given: unknown[]): unknown => {
          calls += 1;
          return Reflect.apply(method, target, given);
        };
      },
    });
    await sweepExpired({ ...flow, registry: counting }, after(10));
    expect(calls).toBe(2);
  });

  test('never takes what is within its retention, in whatever order instants come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 20 })), {
          maxLength: 6,
        }),
        async (steps) => {
          flow = flowInMemory();
          await flow.begins({ dataset: { retentionDays: 7, createdAt: flow.now().toISOString() } });
          const start = flow.now().getTime();
          const entries: { entry: LedgerEntry; at: number }[] = [];
          let reached = 0;
          for (const [day, retentionDays] of steps) {
            entries.push({ entry: await accepted(), at: flow.now().getTime() });
            await flow.changes('dataset', 'school-air', { retentionDays });
            const now = start + day * DAY;
            await sweep(new Date(now));
            reached = Math.max(reached, now - (retentionDays + 2) * DAY);
            flow.later(DAY);
          }
          const kept = entries.filter(({ at }) => at > reached);
          expect(await stored(kept.map(({ entry }) => entry))).toEqual(kept.map(() => true));
        },
      ),
      { numRuns: 25 },
    );
  });

  test('is swept in the present again after a sweep of the future', async () => {
    await sweep(after(30));
    const entry = await accepted();
    await sweep(flow.now());
    await sweep(after(10));
    expect(await stored([entry])).toEqual([false]);
  });
});

describe('dead letters', () => {
  test('lose the copies of what was erased or has expired, and keep the others', async () => {
    const [erased, kept] = [await accepted(), await accepted()];
    flow.deadLetters.letters.set('erased', { key: erased.key });
    flow.deadLetters.letters.set('kept', { key: kept.key });
    flow.deadLetters.letters.set('expired', { key: 'gone' });
    flow.deadLetters.letters.set('no message', undefined);
    await flow.ledger.erase(erased.key, erased.sequence);
    expect(await cleanDeadLetters(flow, flow.now())).toEqual({ removed: 2, whole: true });
    expect([...flow.deadLetters.letters.keys()]).toEqual(['kept', 'no message']);
    // What stays is there for others at once.
    expect(await flow.deadLetters.held()).toBe(0);
  });

  test('are looked at once a day, and at each beat while an erasure is open', async () => {
    await cleanDeadLetters(flow, flow.now());
    flow.deadLetters.letters.set('late', { key: 'gone' });
    expect(await cleanDeadLetters(flow, flow.now())).toEqual({ removed: 0, whole: true });
    const entry = { ...(await accepted()), key: eventKey('school-air', '//test/atmo', 'badge') };
    await flow.ledger.append([entry]);
    const provider = given.caller('atmo', { roles: ['provider'] });
    await eraseEvent(flow, provider, 'school-air', { id: 'badge' });
    flow.deadLetters.letters.set('raw', { id: 'badge' });
    flow.deadLetters.letters.set('other', { id: 'other' });
    expect(await cleanDeadLetters(flow, flow.now())).toEqual({ removed: 2, whole: true });
    expect([...flow.deadLetters.letters.keys()]).toEqual(['other']);
  });

  test('are looked through by the beat that closes an erasure, too', async () => {
    await tick(flow, flow.now());
    const key = eventKey('school-air', '//test/atmo', 'badge');
    await flow.ledger.append([{ ...(await accepted()), key }]);
    const provider = given.caller('atmo', { roles: ['provider'] });
    await eraseEvent(flow, provider, 'school-air', { id: 'badge' });
    flow.later(10 * 60_000);
    // What was on its way ends there last of all.
    flow.deadLetters.letters.set('late', { key });
    await tick(flow, flow.now());
    expect((await flow.registry.list('erasuresOpen', {}, { limit: 1 })).items).toEqual([]);
    expect([...flow.deadLetters.letters.keys()]).toEqual([]);
  });

  test('that somebody holds are looked at when they are free, before an erasure closes', async () => {
    const key = eventKey('school-air', '//test/atmo', 'badge');
    await flow.ledger.append([{ ...(await accepted()), key }]);
    flow.deadLetters.letters.set('held', { key });
    await flow.deadLetters.receive();
    const provider = given.caller('atmo', { roles: ['provider'] });
    await eraseEvent(flow, provider, 'school-air', { id: 'badge' });
    const open = async () => (await flow.registry.list('erasuresOpen', {}, { limit: 1 })).items.length;
    flow.later(10 * 60_000);
    await tick(flow, flow.now());
    await tick(flow, flow.now());
    expect(await open()).toBe(1);
    await flow.deadLetters.leave('held');
    await tick(flow, flow.now());
    expect(await open()).toBe(0);
    expect([...flow.deadLetters.letters.keys()]).toEqual([]);
  });

  test('are looked at again at the next beat where somebody held one on the day', async () => {
    flow.deadLetters.letters.set('held', { key: 'gone' });
    await flow.deadLetters.receive();
    expect(await cleanDeadLetters(flow, flow.now())).toEqual({ removed: 0, whole: false });
    await flow.deadLetters.leave('held');
    expect(await cleanDeadLetters(flow, flow.now())).toEqual({ removed: 1, whole: true });
  });
});
