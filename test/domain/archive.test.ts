import { beforeEach, describe, expect, test } from 'vitest';
import { writeArchives } from '../../domain/archive/archive.ts';
import { releaseDue } from '../../domain/clock/release.ts';
import { deliveryId } from '../../domain/deliver/identity.ts';
import type { HandoverAnswer } from '../../domain/ports.ts';
import { timeFor } from './clock/portions.ts';
import { flowInMemory, type MemoryFlow } from './deliver/flow.ts';

const bucket = 'air-quality';
const archive = { destination: { kind: 's3', bucket, concurrency: 10 } } as const;

let flow: MemoryFlow;
let objects: string[][];
beforeEach(() => {
  flow = flowInMemory();
  objects = [];
  const { handOver } = flow.destinations;
  flow.handOver = (handover) => {
    objects.push(handover.parcels.map(({ event }) => event.time?.slice(0, 10) ?? ''));
    return handOver(handover);
  };
});

const written = () => flow.destinations.parcels.get(bucket) ?? [];
const ticks = () => writeArchives(flow, flow.now());

/** So many events that wait for an archive. */
async function waiting(count: number, story: Parameters<MemoryFlow['begins']>[0] = {}, apartMs = 0) {
  const { subscription, contract } = await flow.begins({
    ...story,
    subscription: { ...archive, secrets: [] },
  });
  const ids = [];
  for (let co2 = 0; co2 < count; co2 += 1) {
    const entry = await flow.accepted({ data: { co2, teacher: 'Curie' } });
    await flow.deliver(flow.matched(subscription, entry));
    ids.push(deliveryId(entry.sequence, subscription.id));
    flow.later(apartMs);
  }
  return { subscription, contract, ids };
}

const statuses = async (ids: string[]) =>
  (await flow.deliveries.read(ids)).map((delivery) => delivery?.status);

describe('an archive', () => {
  test('gets nothing by deliver, and all at the next beat: minimised, recorded, counted once', async () => {
    const minimisation = [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' } as const];
    const { ids, contract } = await waiting(3, { contract: { terms: { minimisation } } });
    expect(written()).toEqual([]);
    expect(await statuses(ids)).toEqual(['available', 'available', 'available']);
    expect(await ticks()).toBe(3);
    expect(written().map(({ event }) => event.data)).toEqual([{ co2: 0 }, { co2: 1 }, { co2: 2 }]);
    expect(await flow.delivery(ids[0] ?? '')).toMatchObject({
      status: 'delivered',
      verdict: 'redact',
      attemptCount: 1,
      countedOn: '2026-03-01',
    });
    expect(await ticks()).toBe(0);
    expect(written()).toHaveLength(3);
    const days = await flow.usage.days(contract.id, '2026-03-01', '2026-03-01');
    expect(days).toMatchObject([{ events: 3 }]);
  });

  test('of who has much leaves time for others: a portion each, by turns', async () => {
    const { ids: many } = await waiting(450);
    const { ids: few } = await waiting(1);
    expect(await writeArchives(flow, flow.now(), timeFor(2))).toBe(201);
    expect(await statuses(few)).toEqual(['delivered']);
    const done = async () => (await statuses(many)).filter((status) => status === 'delivered').length;
    expect(await done()).toBe(200);
    expect(await ticks()).toBe(250);
    expect(await done()).toBe(450);
  });

  test('has an object for each day', async () => {
    await waiting(4, {}, 8 * 3_600_000);
    await ticks();
    expect(objects).toEqual([
      ['2026-03-01', '2026-03-01'],
      ['2026-03-02', '2026-03-02'],
    ]);
  });

  test('gets nothing once the contract has ended, and its consumer reads by which clause', async () => {
    const { contract, ids } = await waiting(2);
    await flow.changes('contract', contract.id, { state: 'terminated' });
    expect(await ticks()).toBe(0);
    expect(written()).toEqual([]);
    expect(await flow.delivery(ids[0] ?? '')).toMatchObject({
      status: 'withheld',
      clause: 'contract.state=terminated',
    });
    flow.later(600_000);
    expect(
      await flow.pullQueues.receive((await flow.subscription(await only())).pullQueue ?? '', 10, 0, 1),
    ).toEqual([]);
  });

  const only = async () => (await flow.registry.list('subscriptions', {}, { limit: 1 })).items[0]?.id ?? '';

  test('whose subscription has ended, and its queue with it, holds up no beat, however late the list tells', async () => {
    const { subscription } = await waiting(1);
    const listed = await flow.registry.list('subscriptionsToTend', {}, { limit: 10 });
    expect(listed.items).toHaveLength(1);
    const { pullQueue = '' } = await flow.subscription(subscription.id);
    await flow.pullQueues.remove(pullQueue);
    await expect(ticks()).rejects.toThrow('no queue');
    await flow.changes('subscription', subscription.id, { status: 'ended' });
    expect(await ticks()).toBe(0);
    const registry = { ...flow.registry, read: flow.registry.read, list: async () => listed as never };
    expect(await writeArchives({ ...flow, registry }, flow.now())).toBe(0);
  });

  test('that is moved to another bucket gets nothing in the old one, however late the list tells', async () => {
    const { subscription } = await waiting(2, {}, 86_400_000);
    const listed = await flow.registry.list('subscriptionsToTend', {}, { limit: 10 });
    const destination = { ...archive.destination, bucket: 'another' };
    const { handOver } = flow;
    flow.handOver = async (handover) => {
      const answers = await handOver(handover);
      await flow.changes('subscription', subscription.id, { destination });
      flow.later(3000);
      return answers;
    };
    expect(await ticks()).toBe(1);
    const registry = { ...flow.registry, read: flow.registry.read, list: async () => listed as never };
    flow.later(240_000);
    expect(await writeArchives({ ...flow, registry }, flow.now())).toBe(0);
    expect(written()).toHaveLength(1);
    flow.later(240_000);
    expect(await ticks()).toBe(1);
    expect(flow.destinations.parcels.get('another')).toHaveLength(1);
  });

  test('that ends between two objects gets no second one', async () => {
    const { contract } = await waiting(2, {}, 86_400_000);
    const { handOver } = flow;
    flow.handOver = async (handover) => {
      const answers = await handOver(handover);
      await flow.changes('contract', contract.id, { state: 'suspended' });
      flow.later(3000);
      return answers;
    };
    expect(await ticks()).toBe(1);
    expect(objects).toHaveLength(1);
  });

  test('whose bucket refuses is tried again, says why, parks and fails in the end', async () => {
    const refused: HandoverAnswer = { kind: 'refused', error: 'AccessDenied: add this statement' };
    flow.destinations.answer = () => refused;
    const { subscription, ids } = await waiting(1);
    await ticks();
    expect(await flow.delivery(ids[0] ?? '')).toMatchObject({
      status: 'retrying',
      attempts: [{ error: 'AccessDenied: add this statement' }],
      dueAt: expect.any(String),
    });
    for (let round = 0; round < 8; round += 1) {
      flow.later(36_100_000);
      await releaseDue(flow, flow.now());
      await flow.wakes();
      await ticks();
    }
    expect(await flow.delivery(ids[0] ?? '')).toMatchObject({ status: 'parked', attemptCount: 8 });
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'failing' });
  });

  test('loses nothing where the records cannot be written: it comes again, the same', async () => {
    const broken = flowInMemory({
      breaks: (port, call) => (port === 'deliveries' && call === 'write' && breaking ? 'before' : undefined),
    });
    let breaking = false;
    flow = broken;
    const { ids } = await waiting(2);
    breaking = true;
    await expect(ticks()).rejects.toThrow(/broke/);
    breaking = false;
    expect(await ticks()).toBe(0);
    flow.later(181_000);
    expect(await ticks()).toBe(2);
    expect(await statuses(ids)).toEqual(['delivered', 'delivered']);
    expect(new Set(written().map(({ delivery }) => delivery)).size).toBe(2);
  });

  test('gets no more than the quota, and the rest when it opens again', async () => {
    const { ids } = await waiting(3, {
      contract: { terms: { minimisation: [], quota: { events: 2, per: 'P1D' } } },
    });
    expect(await ticks()).toBe(2);
    expect(await flow.delivery(ids[2] ?? '')).toMatchObject({
      status: 'withheld',
      clause: 'quota.P1D',
      dueAt: '2026-03-02T00:00:00.000Z',
    });
    flow.later(86_400_000);
    await releaseDue(flow, flow.now());
    await flow.wakes();
    expect(await ticks()).toBe(1);
  });

  test('gets nothing of what was erased while it waited', async () => {
    const { ids, subscription } = await waiting(1);
    const known = await flow.delivery(ids[0] ?? '');
    await flow.has('erased', { id: subscription.dataset, keys: { [known?.event.key ?? '']: 1 } });
    expect(await ticks()).toBe(0);
    expect(await statuses(ids)).toEqual(['erased']);
  });

  test('keeps a reference that goes again until its new record is written', async () => {
    const { subscription } = await flow.begins({ subscription: { ...archive, secrets: [] } });
    const entry = await flow.accepted();
    await flow.changes('subscription', subscription.id, { status: 'paused' });
    await flow.deliver(flow.matched(subscription, entry));
    await flow.changes('subscription', subscription.id, { status: 'active' });
    flow.later(3000);
    await flow.recovers(subscription.id);
    // The clock's beat falls between the reference and its record.
    const { write } = flow.deliveries;
    let beaten = false;
    flow.deps.deliveries = {
      ...flow.deliveries,
      write: async (...given) => {
        if (!beaten) {
          beaten = true;
          await ticks();
        }
        await write(...given);
      },
    };
    await flow.wakes();
    const id = deliveryId(entry.sequence, subscription.id);
    expect(await statuses([id])).toEqual(['available']);
    for (let beat = 0; beat < 5; beat += 1) {
      flow.later(60_000);
      await ticks();
    }
    expect(await statuses([id])).toEqual(['delivered']);
    expect(written()).toHaveLength(1);
  });
});
