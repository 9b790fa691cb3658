import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { releaseDue } from '../../../domain/clock/release.ts';
import { ack, receive } from '../../../domain/pull/pull.ts';
import { deliver } from '../../../domain/deliver/deliver.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { standingReader } from '../../../domain/deliver/standing.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import type { Terms } from '../../../schemas/contract.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';
import { flowInMemory, type MemoryFlow, letIn } from '../deliver/flow.ts';

const termsOf = (events: number, per: 'P1D' | 'P1M' = 'P1D', more: Partial<Terms> = {}): Terms => ({
  minimisation: [],
  quota: { events, per },
  ...more,
});
const HOUR = 3_600_000;

async function accepted(flow: MemoryFlow, count: number): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for (let made = 0; made < count; made += 1) entries.push(await flow.accepted());
  return entries;
}
const matched = (flow: MemoryFlow, subscription: Subscription, entries: LedgerEntry[]) =>
  entries.map((entry) => flow.matched(subscription, entry));
const statuses = async (flow: MemoryFlow, { id }: Subscription, entries: LedgerEntry[]) => {
  const records = await flow.deliveries.read(entries.map(({ sequence }) => deliveryId(sequence, id)));
  return records.map((record) => record && `${record.status} by ${record.clause}`);
};
/** What the clock and the queue do at an instant. */
async function tickAndWake(flow: MemoryFlow): Promise<void> {
  await releaseDue(flow, flow.now());
  for (let round = 0; round < 10; round += 1) await flow.wakes();
}
const usageOf = (flow: MemoryFlow, contract: string) => flow.usage.days(contract, '2026-01-01', '2026-12-31');

describe('a quota', () => {
  test('gives the oldest events of a batch first, and withholds the others by its name until it opens', async () => {
    const flow = flowInMemory();
    const { subscription, contract } = await flow.begins({ contract: { terms: termsOf(2) } });
    const entries = await accepted(flow, 4);
    await flow.deliver(...matched(flow, subscription, entries).reverse());
    expect(await statuses(flow, subscription, entries)).toEqual([
      'delivered by contract.terms',
      'delivered by contract.terms',
      'withheld by quota.P1D',
      'withheld by quota.P1D',
    ]);
    const held = await flow.delivery(deliveryId(entries[3]?.sequence ?? '', subscription.id));
    expect(held).toMatchObject({ verdict: 'withhold', dueAt: '2026-03-02T00:00:00.000Z' });
    expect(await usageOf(flow, contract.id)).toMatchObject([{ day: '2026-03-01', events: 2 }]);
  });

  test('opens again with the next day: what was withheld goes, under the gate, and in the next day’s figures', async () => {
    const flow = flowInMemory();
    const { subscription, contract } = await flow.begins({ contract: { terms: termsOf(2) } });
    const entries = await accepted(flow, 5);
    await flow.deliver(...matched(flow, subscription, entries));
    flow.later(13 * HOUR);
    await tickAndWake(flow);
    expect(flow.sent()).toHaveLength(2);
    flow.later(HOUR);
    await tickAndWake(flow);
    expect(flow.sent()).toHaveLength(4);
    flow.later(24 * HOUR);
    await flow.changes('contract', contract.id, { state: 'suspended' });
    await tickAndWake(flow);
    expect(flow.sent()).toHaveLength(4);
    expect(await statuses(flow, subscription, entries.slice(4))).toEqual([
      'withheld by contract.state=suspended',
    ]);
    expect(await usageOf(flow, contract.id)).toMatchObject([
      { day: '2026-03-01', events: 2 },
      { day: '2026-03-02', events: 2 },
    ]);
  });

  test('of a month opens with the next month', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins({ contract: { terms: termsOf(1, 'P1M') } });
    const entries = await accepted(flow, 2);
    await flow.deliver(...matched(flow, subscription, entries));
    const held = await flow.delivery(deliveryId(entries[1]?.sequence ?? '', subscription.id));
    expect(held).toMatchObject({ clause: 'quota.P1M', dueAt: '2026-04-01T00:00:00.000Z' });
  });

  test('is taken once by a delivery, whatever the receiver answers, and however often', async () => {
    const flow = flowInMemory();
    const { subscription, contract } = await flow.begins({ contract: { terms: termsOf(2) } });
    flow.answers(500);
    const entries = await accepted(flow, 3);
    await flow.deliver(...matched(flow, subscription, entries));
    expect(await statuses(flow, subscription, entries)).toEqual([
      'retrying by contract.terms',
      'retrying by contract.terms',
      'withheld by quota.P1D',
    ]);
    expect(await usageOf(flow, contract.id)).toEqual([]);
    flow.later(5_000);
    await flow.wakes();
    expect(flow.sent()).toHaveLength(4);
    flow.answers(204);
    flow.later(300_000);
    await flow.wakes();
    expect(await usageOf(flow, contract.id)).toMatchObject([{ events: 2 }]);
    expect(new Set(flow.sent()).size).toBe(2);
  });

  test('is not used up by what the contract withholds, nor by what could not be sent', async () => {
    const flow = flowInMemory();
    const { subscription, contract } = await flow.begins({ contract: { terms: termsOf(1) } });
    const [one] = await accepted(flow, 1);
    if (!one) throw new Error('no event');
    await flow.changes('contract', contract.id, { state: 'suspended' });
    await flow.deliver(flow.matched(subscription, one));
    await flow.changes('contract', contract.id, { state: 'active' });
    flow.later(3_000);
    const unseal = flow.deps.sealer.unseal.bind(flow.deps.sealer);
    flow.deps.sealer.unseal = () => Promise.reject(new Error('no key'));
    const again = {
      ...flow.matched(subscription, one),
      again: { delivery: deliveryId(one.sequence, subscription.id), attempts: 0 },
    };
    expect((await flow.deliver(again)).failed).toEqual([0]);
    flow.deps.sealer.unseal = unseal;
    await flow.deliver(again);
    expect(flow.sent()).toHaveLength(1);
  });

  test.each([500, 410])('and figures: what ends with %i is not counted in usage', async (status) => {
    const flow = flowInMemory();
    const { subscription, contract } = await flow.begins({ contract: { terms: termsOf(5) } });
    flow.deps.territory = { ...flow.deps.territory, retryWaits: [] };
    flow.answers(status);
    const entries = await accepted(flow, 1);
    await flow.deliver(...matched(flow, subscription, entries));
    expect((await flow.delivery(deliveryId(entries[0]?.sequence ?? '', subscription.id)))?.status).toBe(
      status === 410 ? 'gone' : 'parked',
    );
    expect(await usageOf(flow, contract.id)).toEqual([]);
  });

  test('that cannot be counted holds its own messages and nobody else’s', async () => {
    const flow = flowInMemory();
    const free = await flow.begins();
    const bound = await flow.begins({ contract: { terms: termsOf(1) } });
    flow.deps.quotas = { take: () => Promise.reject(new Error('busy')), giveBack: () => Promise.resolve() };
    const [entry] = await accepted(flow, 1);
    if (!entry) throw new Error('no event');
    const report = await flow.deliver(
      flow.matched(bound.subscription, entry),
      flow.matched(free.subscription, entry),
    );
    expect(report.failed).toEqual([0]);
    expect(report.records).toMatchObject([{ status: 'delivered' }]);
  });

  test('is never exceeded by many functions at once, and nothing is lost: property', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.array(fc.integer({ min: 0, max: 19 }), { minLength: 1, maxLength: 10 }), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.array(fc.constantFrom(200, 500, 204), { minLength: 1, maxLength: 5 }),
        async (limit, batches, answers) => {
          const flow = flowInMemory();
          const { subscription } = await flow.begins({ contract: { terms: termsOf(limit) } });
          const entries = await accepted(flow, 20);
          let nth = 0;
          flow.sender.answer = () => ({
            kind: 'answer',
            status: answers[(nth += 1) % answers.length] ?? 200,
            body: '',
          });
          // Functions of their own: each with what it has read.
          const functions = batches.map(() => ({
            ...flow.deps,
            standings: standingReader(flow.registry, { maxAgeMs: 2000, now: () => flow.now().getTime() }),
          }));
          await Promise.all(
            batches.map((batch, at) =>
              deliver(
                functions[at] ?? flow.deps,
                batch.map((index) => flow.matched(subscription, entries[index] ?? given.entry())),
              ),
            ),
          );
          expect(new Set(flow.sent()).size).toBeLessThanOrEqual(limit);
          const touched = [...new Set(batches.flat())].map((index) => entries[index] ?? given.entry());
          const records = await flow.deliveries.read(
            touched.map(({ sequence }) => deliveryId(sequence, subscription.id)),
          );
          for (const record of records) {
            expect(record).toBeDefined();
            if (record?.status === 'withheld') expect(record.dueAt).toBe('2026-03-02T00:00:00.000Z');
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('a quota on what is pulled', () => {
  async function pulling(quota?: number) {
    const flow = flowInMemory();
    const { subscription, contract } = await flow.begins({
      contract: { terms: quota === undefined ? { minimisation: [] } : termsOf(quota) },
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    const caller = given.caller('app');
    const deps = { ...flow, sealer: flow.sealer, now: flow.now };
    return {
      flow,
      subscription,
      contract,
      receive: async () =>
        (await receive(deps, caller, subscription.id, { max: 10, waitSeconds: 0 }, letIn)).messages,
      ack: (leases: string[]) => ack(deps, caller, subscription.id, leases),
    };
  }

  test('is taken by the first receipt: leased again is not billed again, and beyond it nothing is given', async () => {
    const { flow, subscription, contract, ...pull } = await pulling(2);
    const entries = await accepted(flow, 3);
    await flow.deliver(...matched(flow, subscription, entries));
    expect(await usageOf(flow, contract.id)).toEqual([]);
    const first = await pull.receive();
    expect(first).toHaveLength(2);
    expect(await statuses(flow, subscription, entries)).toEqual([
      'available by contract.terms',
      'available by contract.terms',
      'withheld by quota.P1D',
    ]);
    const [day] = await usageOf(flow, contract.id);
    expect(day).toMatchObject({ events: 2 });
    expect(day?.bytes).toBe(
      first.reduce((sum, { event }) => sum + Buffer.byteLength(JSON.stringify(event)), 0),
    );
    flow.later(61_000);
    await flow.usage.fold(flow.now());
    const second = await pull.receive();
    expect(second.map(({ event }) => event.id).sort()).toEqual(first.map(({ event }) => event.id).sort());
    await pull.ack(second.map(({ lease }) => lease));
    expect(await usageOf(flow, contract.id)).toEqual([day]);
  });

  test('lets what was withheld be pulled when it opens again', async () => {
    const { flow, subscription, contract, ...pull } = await pulling(1);
    await flow.deliver(...matched(flow, subscription, await accepted(flow, 2)));
    await pull.ack((await pull.receive()).map(({ lease }) => lease));
    expect(await pull.receive()).toEqual([]);
    flow.later(14 * HOUR);
    await tickAndWake(flow);
    expect(await pull.receive()).toHaveLength(1);
    expect(await usageOf(flow, contract.id)).toMatchObject([
      { day: '2026-03-01', events: 1 },
      { day: '2026-03-02', events: 1 },
    ]);
  });

  /** Puts an event in the pull queue as `deliver` does a moment before it records it. */
  const unrecorded = async ({ flow, subscription }: Awaited<ReturnType<typeof pulling>>) => {
    const [entry] = await accepted(flow, 1);
    if (!entry) throw new Error('no event');
    const { key, sequence } = entry;
    const delivery = deliveryId(sequence, subscription.id);
    await flow.pullQueues.send(subscription.pullQueue ?? '', [{ delivery, key, sequence }]);
    return entry;
  };

  test('is not asked before the delivery is recorded, on which a unit is noted: it comes a second later', async () => {
    const pull = await pulling(1);
    const { flow, subscription } = pull;
    const entry = await unrecorded(pull);
    expect(await pull.receive()).toEqual([]);
    await flow.deliver(flow.matched(subscription, entry));
    flow.later(1_000);
    const copies = await pull.receive();
    expect(copies).toHaveLength(2);
    flow.later(61_000);
    expect(await pull.receive()).toHaveLength(2);
    expect(await statuses(flow, subscription, [entry])).toEqual(['available by contract.terms']);
  });

  test('that is none: what was received before it was recorded is counted when it is acknowledged at the latest', async () => {
    const pull = await pulling();
    const { flow, subscription, contract } = pull;
    const entry = await unrecorded(pull);
    const [message] = await pull.receive();
    expect(await usageOf(flow, contract.id)).toEqual([]);
    await flow.deliver(flow.matched(subscription, entry));
    await pull.ack([message?.lease ?? '']);
    expect(await usageOf(flow, contract.id)).toMatchObject([{ events: 1 }]);
  });
});
