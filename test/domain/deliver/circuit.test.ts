import { beforeEach, describe, expect, test } from 'vitest';
import { drainWaiting } from '../../../domain/clock/drain.ts';
import { tick } from '../../../domain/clock/tick.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { patchSubscription } from '../../../domain/subscriptions/change.ts';
import { putRule } from '../../../domain/subscriptions/rules.ts';
import type { DeliveryMessage } from '../../../domain/ports.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';
import { timeFor } from '../clock/portions.ts';
import { flowInMemory, type MemoryFlow } from './flow.ts';

const app = given.caller('app');
let flow: MemoryFlow;
let calls: string[];
beforeEach(() => {
  calls = [];
  flow = flowInMemory({
    declares: { circuitFailures: 3 },
    breaks: (port, call) => void calls.push(`${port}.${call}`),
  });
});

const accepts = async (subscription: Subscription, count: number): Promise<DeliveryMessage[]> => {
  const messages: DeliveryMessage[] = [];
  for (let made = 0; made < count; made += 1)
    messages.push(flow.matched(subscription, await flow.accepted()));
  return messages;
};
const recordOf = (subscription: Subscription, { event }: DeliveryMessage) =>
  flow.delivery(deliveryId(event.sequence, subscription.id));
const statuses = async (subscription: Subscription): Promise<Record<string, number>> => {
  const { items } = await flow.deliveries.list(subscription.id, {}, { limit: 1000 });
  const groups = Object.entries(Object.groupBy(items, ({ status }) => status));
  return Object.fromEntries(groups.map(([status, all]) => [status, all.length]));
};
/** A beat of the clock so many seconds later, and what it wakes. */
const beat = async (seconds: number) => {
  flow.later(seconds * 1000);
  const report = await tick(flow, flow.now());
  return { report, woken: await flow.wakes() };
};

/** A subscription whose circuit has opened; what follows waits. */
async function spared(): Promise<Subscription> {
  const { subscription } = await flow.begins();
  await putRule(flow.rules, subscription);
  flow.answers(500);
  await flow.deliver(...(await accepts(subscription, 3)));
  flow.later(2000);
  return subscription;
}

describe('a circuit', () => {
  test('opens after a run of failures: what follows waits unattempted, and is told why', async () => {
    const subscription = await spared();
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'active',
      circuit: { state: 'open', probes: 0 },
      failingSince: expect.any(String),
    });
    const sent = flow.sent().length;
    const [message] = await accepts(subscription, 1);
    await flow.deliver(message as DeliveryMessage);
    expect(flow.sent()).toHaveLength(sent);
    expect(await recordOf(subscription, message as DeliveryMessage)).toMatchObject({
      status: 'waiting',
      attemptCount: 0,
      clause: 'subscription.circuit=open',
      dueAt: expect.any(String),
    });
    expect(await flow.noticesOf('app')).toEqual([]);
  });

  test('does not open where something arrives in between', async () => {
    const { subscription } = await flow.begins();
    for (const status of [500, 500, 204, 500, 500]) {
      flow.answers(status);
      await flow.deliver(...(await accepts(subscription, 1)));
    }
    expect(await flow.subscription(subscription.id)).not.toHaveProperty('circuit');
  });

  test('holds back what follows in the same function before it is on record', async () => {
    const { subscription } = await flow.begins();
    flow.answers(500);
    await flow.deliver(...(await accepts(subscription, 3)));
    const [message] = await accepts(subscription, 1);
    await flow.deliver(message as DeliveryMessage);
    expect(flow.sent()).toHaveLength(3);
    expect(await recordOf(subscription, message as DeliveryMessage)).toMatchObject({
      status: 'delayed',
      attemptCount: 0,
    });
  });

  test('lets one probe through when it is due, whoever comes, and the next ever later', async () => {
    const subscription = await spared();
    await flow.deliver(...(await accepts(subscription, 20)));
    flow.later(60_000);
    const sent = flow.sent().length;
    await flow.deliver(...(await accepts(subscription, 10)));
    expect(flow.sent()).toHaveLength(sent + 1);
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'failing',
      circuit: { state: 'open', probes: 1 },
    });
    expect(await flow.noticesOf('app')).toEqual(['maille.subscription.failing.v1']);
    const probes: number[] = [];
    for (let minutes = 0; minutes < 60; minutes += 1) {
      const before = flow.sent().length;
      await beat(60);
      if (flow.sent().length > before) probes.push(minutes);
      expect(flow.sent().length - before).toBeLessThanOrEqual(1);
    }
    expect(probes).toEqual([1, 5, 13, 28, 43, 58]);
    expect(await flow.noticesOf('app')).toHaveLength(1);
  });

  test('is probed no earlier than the receiver asks', async () => {
    const { subscription } = await flow.begins();
    flow.answers(429, { retryAfter: '3600' });
    await flow.deliver(...(await accepts(subscription, 3)));
    const { circuit } = await flow.subscription(subscription.id);
    expect(Date.parse(circuit?.probeAt ?? '') - flow.now().getTime()).toBe(3_600_000);
  });

  test('of two functions lets one send the probe', async () => {
    const subscription = await spared();
    await flow.deliver(...(await accepts(subscription, 2)));
    flow.later(60_000);
    const other = flow.another();
    const [one, two] = await accepts(subscription, 2);
    const sent = flow.sent().length;
    await Promise.all([flow.deliver(one as DeliveryMessage), other.deliver(two as DeliveryMessage)]);
    expect(flow.sent()).toHaveLength(sent + 1);
  });

  test('closes when a probe arrives: what waits goes in growing portions, nothing is lost', async () => {
    const subscription = await spared();
    for (let batch = 0; batch < 40; batch += 1) await flow.deliver(...(await accepts(subscription, 10)));
    expect(await statuses(subscription)).toEqual({ retrying: 3, waiting: 400 });
    flow.answers(204);
    await beat(60);
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'active',
      circuit: { state: 'draining' },
    });
    const portions: number[] = [];
    for (let beats = 0; beats < 8; beats += 1) {
      const { report } = await beat(60);
      portions.push(report.drained);
    }
    await beat(60);
    expect(portions.slice(0, 4)).toEqual([60, 120, 222, 0]);
    for (const minutes of [5, 5]) await beat(minutes * 60);
    expect(await statuses(subscription)).toEqual({ delivered: 403 });
    expect(await flow.subscription(subscription.id)).not.toHaveProperty('circuit');
    expect(await flow.subscription(subscription.id)).not.toHaveProperty('failingSince');
  });

  test('is drained in its turn where time runs out: another consumer first each minute', async () => {
    const one = await spared();
    const other = await spared();
    await flow.changes('subscription', other.id, { consumer: 'lab' });
    for (const subscription of [one, other]) await flow.deliver(...(await accepts(subscription, 5)));
    const drained = async (): Promise<string[]> => {
      flow.later(60_000);
      const ids = new Set<string>();
      const send: typeof flow.queue.send = async (sent) =>
        sent.forEach(({ message }) => ids.add(message.subscription.id));
      await drainWaiting({ ...flow, queue: { ...flow.queue, send } }, flow.now(), timeFor(1));
      return [...ids];
    };
    expect([...(await drained()), ...(await drained())].sort()).toEqual([one.id, other.id].sort());
  });

  test('spreads a portion evenly over its time', async () => {
    const subscription = await spared();
    for (let batch = 0; batch < 10; batch += 1) await flow.deliver(...(await accepts(subscription, 10)));
    flow.answers(204);
    await beat(60);
    flow.later(2000);
    await tick(flow, flow.now());
    const perTenSeconds: number[] = [];
    for (let tens = 0; tens < 6; tens += 1) {
      perTenSeconds.push(flow.queue.take().length);
      flow.later(10_000);
    }
    expect(Math.max(...perTenSeconds)).toBeLessThanOrEqual(13);
  });

  test('is not forgotten while a function may still make something wait', async () => {
    const subscription = await spared();
    flow.answers(204);
    await beat(60);
    await beat(60);
    await beat(60);
    expect(await flow.subscription(subscription.id)).toMatchObject({ circuit: { state: 'drained' } });
    const record = given.delivery({
      subscription: subscription.id,
      status: 'waiting',
      dueAt: flow.now().toISOString(),
    });
    await flow.deliveries.write([record]);
    const { report } = await beat(60);
    expect(report.drained).toBe(1);
    expect(await flow.subscription(subscription.id)).toMatchObject({ circuit: { state: 'draining' } });
  });

  test('opens again where the endpoint fails while it is drained', async () => {
    const subscription = await spared();
    for (let batch = 0; batch < 10; batch += 1) await flow.deliver(...(await accepts(subscription, 10)));
    flow.answers(204);
    await beat(60);
    flow.answers(500);
    for (let beats = 0; beats < 3; beats += 1) await beat(60);
    expect(await flow.subscription(subscription.id)).toMatchObject({ circuit: { state: 'open' } });
    flow.answers(204);
    for (let beats = 0; beats < 60; beats += 1) await beat(60);
    expect(await statuses(subscription)).toEqual({ delivered: 103 });
  });

  test('that its owner closes by another address is drained there', async () => {
    const subscription = await spared();
    await flow.deliver(...(await accepts(subscription, 5)));
    flow.answers(204);
    await patchSubscription(flow, app, subscription.id, { paused: false });
    for (let beats = 0; beats < 4; beats += 1) await beat(60);
    expect(await statuses(subscription)).toEqual({ delivered: 8 });
  });

  test('costs nothing of what arrives at once where all is well', async () => {
    const { subscription } = await flow.begins();
    await flow.deliver(...(await accepts(subscription, 10)));
    expect(calls.filter((call) => call.startsWith('registry.'))).toEqual(['registry.readAll']);
  });
});

describe('a subscription that fails', () => {
  test('is disabled after so long, although hardly anything has parked; all of it is kept and comes again', async () => {
    const subscription = await spared();
    for (let batch = 0; batch < 30; batch += 1) await flow.deliver(...(await accepts(subscription, 10)));
    for (let quarters = 0; quarters < 5 * 96 + 4; quarters += 1) await beat(900);
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'disabled' });
    expect(await flow.noticesOf('app')).toEqual([
      'maille.subscription.failing.v1',
      'maille.subscription.disabled.v1',
      'maille.delivery.parked.v1',
    ]);
    expect(await statuses(subscription)).toEqual({ parked: 303 });
    await flow.deliver(...(await accepts(subscription, 1)));
    expect(await statuses(subscription), 'what comes anew').toEqual({ parked: 304 });
    flow.answers(204);
    await patchSubscription(flow, app, subscription.id, { paused: false });
    flow.later(3000);
    await flow.recovers(subscription.id);
    for (let beats = 0; beats < 10; beats += 1) await beat(60);
    expect(await statuses(subscription)).toEqual({ delivered: 304 });
  });
});

describe('the concurrency of a destination', () => {
  /** Delivers so many at once to a receiver that takes its time; answers the most requests it had side by side. */
  async function mostAtOnce(concurrency: number, count: number, tookMs = 0): Promise<number> {
    const destination = { ...given.subscription().destination, concurrency };
    const { subscription } = await flow.begins({ subscription: { destination } });
    let open = 0;
    let most = 0;
    flow.sender.send = async () => {
      open += 1;
      most = Math.max(most, open);
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      flow.later(tookMs);
      open -= 1;
      return { kind: 'answer', status: 204, body: '' };
    };
    await flow.deliver(...(await accepts(subscription, count)));
    return most;
  }

  test.each([1, 3, 10])('of %i is how many requests one function has open', async (concurrency) => {
    expect(await mostAtOnce(concurrency, 10)).toBe(concurrency);
  });

  test('does not hold up another destination of the same batch', async () => {
    const destination = { ...given.subscription().destination, concurrency: 1 };
    const { subscription: narrow } = await flow.begins({ subscription: { destination } });
    const { subscription: wide } = await flow.begins();
    const order: string[] = [];
    flow.sender.answer = ({ headers }) => {
      order.push(headers['webhook-id'] ?? '');
      return { kind: 'answer', status: 204, body: '' };
    };
    const first = await accepts(narrow, 5);
    const [last] = await accepts(wide, 1);
    await flow.deliver(...first, last as DeliveryMessage);
    expect(order.indexOf(deliveryId(last?.event.sequence ?? '', wide.id))).toBeLessThan(2);
  });

  test('lets what has waited too long come again, unattempted', async () => {
    await mostAtOnce(1, 5, 20_000);
    const { items } = await flow.deliveries.list(
      (await flow.registry.list('subscriptions', {}, { limit: 1 })).items[0]?.id ?? '',
      {},
      { limit: 10 },
    );
    const delayed = items.filter(({ status }) => status === 'delayed');
    expect(delayed).toHaveLength(4);
    expect(delayed[0]).toMatchObject({ attemptCount: 0, clause: 'destination.concurrency' });
    for (let rounds = 0; rounds < 6; rounds += 1) {
      flow.later(6000);
      await flow.wakes();
    }
    const { items: after } = await flow.deliveries.list(items[0]?.subscription ?? '', {}, { limit: 10 });
    expect(after.every(({ status }) => status === 'delivered')).toBe(true);
  });
});
