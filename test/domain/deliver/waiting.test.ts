import { beforeEach, describe, expect, test } from 'vitest';
import { releaseDue } from '../../../domain/clock/release.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { DeliveryMessage } from '../../../domain/ports.ts';
import { type Break, flowInMemory, type MemoryFlow } from './flow.ts';

let flow: MemoryFlow;
let breaks: Break;
beforeEach(() => {
  breaks = () => undefined;
  flow = flowInMemory({ breaks: (port, call) => breaks(port, call) });
});
const breakOnce = (port: string, call: string, where: 'before' | 'after' = 'before'): void => {
  let left = 1;
  breaks = (...at) => (at[0] === port && at[1] === call && left-- > 0 ? where : undefined);
};

/** A message whose receiver answers 500, and the id of its delivery. */
async function failing(): Promise<{ message: DeliveryMessage; id: string }> {
  const { subscription } = await flow.begins();
  flow.answers(500);
  const entry = await flow.accepted();
  return { message: flow.matched(subscription, entry), id: deliveryId(entry.sequence, subscription.id) };
}
/** Moves the clock to the next wait's end and delivers what wakes, by queue or by the clock. */
async function next(waitSeconds: number) {
  flow.later(waitSeconds * 1000);
  if (waitSeconds > 900) await releaseDue(flow, flow.now());
  return flow.wakes();
}

describe('retries', () => {
  test('follow the waits: short ones on the queue, long ones by due date, then it is parked', async () => {
    const { message, id } = await failing();
    await flow.deliver(message);
    for (const [index, wait] of [5, 300, 1800, 7200, 18_000, 36_000, 36_000].entries()) {
      expect(await flow.delivery(id)).toMatchObject({ status: 'retrying', attemptCount: index + 1 });
      flow.later(wait * 1000 - 1000);
      await releaseDue(flow, flow.now());
      expect(flow.queue.take(), `nothing wakes it before ${wait} s`).toEqual([]);
      flow.later(-wait * 1000 + 1000);
      await next(wait);
    }
    expect(await flow.delivery(id)).toMatchObject({ status: 'parked', attemptCount: 8 });
    expect(await flow.delivery(id)).not.toHaveProperty('dueAt');
    expect(new Set(flow.sent())).toEqual(new Set([id]));
    expect(flow.sent()).toHaveLength(8);
    flow.later(90_000_000);
    await releaseDue(flow, flow.now());
    expect(flow.queue.take()).toEqual([]);
  });

  test('of an event that is kept for a day are closer together, and what is parked can still be released', async () => {
    const { subscription } = await flow.begins({ dataset: { retentionDays: 1 } });
    flow.answers(500);
    const entry = await flow.accepted();
    const kept = entry.expires * 1000;
    await flow.deliver(flow.matched(subscription, entry));
    const id = deliveryId(entry.sequence, subscription.id);
    while ((await flow.delivery(id))?.status === 'retrying') {
      flow.later(60_000);
      await releaseDue(flow, flow.now());
      await flow.wakes();
    }
    expect(await flow.delivery(id)).toMatchObject({ status: 'parked', attemptCount: 8 });
    expect(kept - flow.now().getTime()).toBeGreaterThan(3_600_000);
    expect(await flow.noticesOf('app')).toContain('maille.delivery.parked.v1');
  });

  test.each([
    [429, '600', 600],
    [503, '7200', 7200],
  ])('after a %i wait for its Retry-After of %s s', async (status, retryAfter, wait) => {
    const { message, id } = await failing();
    flow.answers(status, { retryAfter });
    await flow.deliver(message);
    await next(wait - 1);
    expect(flow.sent()).toHaveLength(1);
    await next(1);
    await releaseDue(flow, flow.now());
    await flow.wakes();
    expect(flow.sent()).toEqual([id, id]);
  });

  test('sign anew, for the receiver checks the time', async () => {
    const { message } = await failing();
    await flow.deliver(message);
    await next(5);
    const [one, two] = flow.sender.requests.map(({ headers }) => headers['webhook-signature']);
    expect(one).not.toBe(two);
  });

  test('go by the verdict of their own time, with its clause on record', async () => {
    const { message, id } = await failing();
    await flow.deliver(message);
    const minimisation = [{ clause: 'no-co2', do: 'drop' as const, path: '/data/co2' }];
    await flow.changes('contract', message.subscription.contract, { terms: { minimisation } });
    flow.answers(204);
    await next(5);
    expect(String(flow.sender.requests.at(-1)?.body)).toContain('"data":{}');
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered', clause: 'minimisation.no-co2' });
  });

  test('show the last ten attempts and count them all', async () => {
    const { message, id } = await failing();
    await flow.deliver(message);
    for (const wait of [5, 300, 1800, 7200, 18_000, 36_000, 36_000]) await next(wait);
    for (let attempts = 8; attempts < 12; attempts += 1) {
      await flow.deliver({ ...message, again: { delivery: id, attempts } });
    }
    const delivery = await flow.delivery(id);
    expect(delivery).toMatchObject({ status: 'parked', attemptCount: 12 });
    expect(delivery?.attempts).toHaveLength(10);
  });
});

describe('a wake-up', () => {
  test('that another one has overtaken is dropped', async () => {
    const { message, id } = await failing();
    await flow.deliver(message);
    const again = { ...message, again: { delivery: id, attempts: 1 } };
    await flow.deliver(again);
    expect(await flow.deliver(again)).toMatchObject({ dropped: 1, records: [] });
    expect(flow.sent()).toHaveLength(2);
  });

  test.each([204, 410])('of what a receiver answered %i is dropped', async (status) => {
    const { message, id } = await failing();
    flow.answers(status);
    await flow.deliver(message);
    expect(await flow.deliver({ ...message, again: { delivery: id, attempts: 1 } })).toMatchObject({
      dropped: 1,
    });
    expect(flow.sent()).toHaveLength(1);
  });

  test('of a parked delivery sends it again under the same id', async () => {
    const { message, id } = await failing();
    await flow.deliver(message);
    for (const wait of [5, 300, 1800, 7200, 18_000, 36_000, 36_000]) await next(wait);
    flow.answers(204);
    await flow.deliver({ ...message, again: { delivery: id, attempts: 8 } });
    expect(flow.sent().at(-1)).toBe(id);
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered', attemptCount: 9 });
  });

  test('for an event whose retention is over is dropped', async () => {
    const { message, id } = await failing();
    const { key, sequence } = message.event;
    flow.later(31 * 86_400_000);
    const late = { ...message, event: { key, sequence }, again: { delivery: id, attempts: 0 } };
    expect(await flow.deliver(late)).toMatchObject({ dropped: 1 });
    expect(flow.sent()).toEqual([]);
  });
});

describe('a crash', () => {
  test('after the send and before the record sends again under the same id', async () => {
    const { message, id } = await failing();
    flow.answers(204);
    breakOnce('deliveries', 'write');
    await expect(flow.deliver(message)).rejects.toThrow('deliveries.write');
    await flow.deliver(message);
    expect(flow.sent()).toEqual([id, id]);
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered', attemptCount: 1 });
  });

  test('after the record of a first attempt and before its wake-up tries again', async () => {
    const { message, id } = await failing();
    breakOnce('queue', 'send');
    await expect(flow.deliver(message)).rejects.toThrow('queue.send');
    await flow.deliver(message);
    expect(flow.sent()).toEqual([id, id]);
    flow.answers(204);
    await next(300);
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered', attemptCount: 3 });
  });

  test('after the record of a delay and before its wake-up delays again', async () => {
    const minimisation = [{ clause: 'later', do: 'delay' as const, by: 'PT10M' }];
    const { subscription } = await flow.begins({ contract: { terms: { minimisation } } });
    const message = flow.matched(subscription, await flow.accepted());
    const createdAt = flow.now().toISOString();
    breakOnce('queue', 'send');
    await expect(flow.deliver(message)).rejects.toThrow('queue.send');
    flow.later(1000);
    await flow.deliver(message);
    flow.later(600_000);
    await flow.wakes();
    const id = deliveryId(message.event.sequence, subscription.id);
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered', createdAt });
  });

  test('after the record of a retry and before its wake-up leaves it to the clock', async () => {
    const { message, id } = await failing();
    await flow.deliver(message);
    flow.later(5000);
    const [wakeUp] = flow.queue.take();
    breakOnce('queue', 'send');
    await expect(flow.deliver(wakeUp as DeliveryMessage)).rejects.toThrow('queue.send');
    // It comes again, and its record has gone on without it.
    await flow.deliver(wakeUp as DeliveryMessage);
    flow.answers(204);
    flow.later(300_000 + 120_000);
    await releaseDue(flow, flow.now());
    await flow.wakes();
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered', attemptCount: 3 });
  });

  test('between pull queue and record queues twice, never records what is not queued', async () => {
    const { subscription } = await flow.begins({
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    const message = flow.matched(subscription, await flow.accepted());
    const id = deliveryId(message.event.sequence, subscription.id);
    breakOnce('pullQueues', 'send');
    expect(await flow.deliver(message)).toMatchObject({ failed: [0], records: [] });
    expect(await flow.delivery(id)).toBeUndefined();
    breakOnce('deliveries', 'write');
    await expect(flow.deliver(message)).rejects.toThrow('deliveries.write');
    await flow.deliver(message);
    expect(await flow.pullQueues.receive(subscription.pullQueue ?? '', 10, 0, 60)).toHaveLength(2);
  });

  test('of one pull queue harms no other message of its batch', async () => {
    const { subscription } = await flow.begins({
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    const { subscription: other } = await flow.begins();
    await flow.pullQueues.remove(subscription.pullQueue ?? '');
    const entry = await flow.accepted();
    const report = await flow.deliver(flow.matched(subscription, entry), flow.matched(other, entry));
    expect(report).toMatchObject({ failed: [0], records: [{ subscription: other.id, status: 'delivered' }] });
  });

  test('of the sender fails its own message only', async () => {
    const { subscription } = await flow.begins();
    const [bad, good] = [await flow.accepted({ id: 'bad' }), await flow.accepted({ id: 'good' })];
    flow.sender.answer = ({ body }) => {
      if (String(body).includes('"bad"')) throw new Error('a bug');
      return { kind: 'answer', status: 204, body: '' };
    };
    const report = await flow.deliver(flow.matched(subscription, bad), flow.matched(subscription, good));
    expect(report).toMatchObject({ failed: [0], records: [{ event: { id: 'good' } }] });
  });
});
