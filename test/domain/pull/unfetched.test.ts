import { beforeEach, describe, expect, test } from 'vitest';
import { releaseDue } from '../../../domain/clock/release.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { ofDelivery } from '../../../domain/explain/delivered.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import { ack, receive } from '../../../domain/pull/pull.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { territory } from '../../../schemas/territory.ts';
import { given } from '../../given.ts';
import { type Break, flowInMemory, type MemoryFlow, letIn } from '../deliver/flow.ts';

const app = given.caller('app');
const DAY = 86_400_000;
let flow: MemoryFlow;
let breaks: Break;
let subscription: Subscription;
beforeEach(async () => {
  breaks = () => undefined;
  flow = flowInMemory({ breaks: (port, call) => breaks(port, call) });
  ({ subscription } = await flow.begins({
    subscription: { destination: { kind: 'pull', concurrency: 10 } },
  }));
});

async function available(): Promise<LedgerEntry> {
  const entry = await flow.accepted();
  await flow.deliver(flow.matched(subscription, entry));
  return entry;
}
const delivery = ({ sequence }: LedgerEntry) => flow.delivery(deliveryId(sequence, subscription.id));
const beat = () => releaseDue(flow, flow.now());
const deps = () => ({ ...flow, sealer: flow.deps.sealer });
const receiving = async () =>
  (await receive(deps(), app, subscription.id, { max: 10, waitSeconds: 0 }, letIn)).messages;
/** SQS drops what nobody took. */
const dropped = async (): Promise<void> => {
  const queue = subscription.pullQueue ?? '';
  const leased = await flow.pullQueues.receive(queue, 10, 0, 60);
  await flow.pullQueues.ack(
    queue,
    leased.map(({ lease }) => lease),
  );
};

describe('what was not pulled', () => {
  test('is parked before its queue drops it, told, and comes once it is recovered', async () => {
    const entry = await available();
    flow.later(13 * DAY - 1);
    expect(await beat()).toEqual({ released: 0, parked: 0 });
    const other = await available();
    flow.later(1);
    expect(await beat()).toEqual({ released: 0, parked: 1 });
    expect(await delivery(entry)).toMatchObject({ status: 'parked', clause: 'territory.pullRetention' });
    expect(await delivery(entry)).not.toHaveProperty('dueAt');
    expect(await delivery(other)).toMatchObject({ status: 'available' });
    const { items } = await flow.registry.list('noticesOfParticipant', { participant: 'app' }, { limit: 9 });
    expect(items).toMatchObject([
      {
        type: 'maille.delivery.parked.v1',
        subject: subscription.id,
        data: { attempts: 0, releasableUntil: '2026-03-31T10:00:00.000Z' },
      },
    ]);
    await dropped();
    expect(await receiving()).toEqual([]);
    await flow.recovers(subscription.id);
    await flow.wakes();
    const [message] = await receiving();
    expect(message?.event['sequence']).toBe(entry.sequence);
    await ack(deps(), app, subscription.id, [message?.lease ?? '']);
    expect(await delivery(entry)).toMatchObject({ status: 'delivered' });
  });

  test('is told once an hour at most, and leaves the subscription as it is', async () => {
    for (let count = 0; count < 3; count += 1) await available();
    flow.later(13 * DAY);
    expect(await beat()).toEqual({ released: 0, parked: 3 });
    expect(await flow.noticesOf('app')).toHaveLength(1);
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'active' });
  });

  test('stays what it is where it was acknowledged, at the last moment too', async () => {
    const [acked, late] = [await available(), await available()];
    const leases = (await receiving()).map(({ lease }) => lease);
    await ack(deps(), app, subscription.id, leases.slice(0, 1));
    expect(await delivery(acked)).not.toHaveProperty('dueAt');
    flow.later(13 * DAY);
    const { due } = flow.deliveries;
    const deliveries = {
      ...flow.deliveries,
      released: flow.deliveries.released,
      replace: flow.deliveries.replace,
      // Acknowledged after the clock has read that it is due.
      async *due(now: Date) {
        for await (const page of due(now)) {
          const [first] = page;
          if (first)
            await flow.deliveries.write([{ ...first, dueAt: undefined, status: 'delivered' } as never]);
          yield page;
        }
      },
    };
    expect(await releaseDue({ ...flow, deliveries }, flow.now())).toEqual({ released: 0, parked: 0 });
    expect(await delivery(acked)).toMatchObject({ status: 'delivered' });
    expect(await delivery(late)).toMatchObject({ status: 'delivered' });
  });

  test('is not parked for a subscription that has ended', async () => {
    const entry = await available();
    await flow.changes('subscription', subscription.id, { status: 'ended' });
    flow.later(13 * DAY);
    expect(await beat()).toEqual({ released: 0, parked: 0 });
    expect(await delivery(entry)).not.toHaveProperty('dueAt');
    expect(await flow.noticesOf('app')).toEqual([]);
  });

  test('is parked at the next beat where this one breaks', async () => {
    const entry = await available();
    flow.later(13 * DAY);
    breaks = (_, call) => (call === 'replace' ? 'before' : undefined);
    await expect(beat()).rejects.toThrow('replace');
    breaks = () => undefined;
    expect(await beat()).toEqual({ released: 0, parked: 1 });
    expect(await delivery(entry)).toMatchObject({ status: 'parked' });
  });

  test('is explained, while it waits and once it is parked', async () => {
    const entry = await available();
    const explained = async () => {
      const known = await delivery(entry);
      const standing = await flow.standings.read(flow.matched(subscription, entry).subscription);
      return known && ofDelivery(known, standing, { coarse: false, now: flow.now() });
    };
    expect((await explained())?.detail).toContain(
      'It is parked where nobody has fetched it by 2026-03-14T10',
    );
    flow.later(13 * DAY);
    await beat();
    expect(await explained()).toMatchObject({
      outcome: 'parked',
      decidedBy: { step: 'deliver', clause: 'territory.pullRetention' },
      detail: expect.stringContaining('It is parked.'),
    });
  });
});

test('no territory may let it wait for longer than its queue keeps it', () => {
  const declaring = (pullRetention: string) =>
    territory.safeParse({ id: 'test', name: 'Test', pullRetention }).success;
  expect([declaring('P13D'), declaring('P14D')]).toEqual([true, false]);
});
