import { describe, expect, it } from 'vitest';
import { memoryDeliveryQueue } from '../../adapters/memory/delivery-queue.ts';
import { comingAgain, deliveryQueue, readDeliveryMessage } from '../../adapters/sqs/delivery-queue.ts';
import type { DeliveryMessage, DeliveryQueue } from '../../domain/ports.ts';
import { eventually } from './given-engine.ts';
import { engineQueue, routed, subscription } from './given-messages.ts';

interface World {
  queue: DeliveryQueue;
  take: () => Promise<(DeliveryMessage | undefined)[]>;
}

const worlds: Record<string, () => Promise<World>> = {
  async memory() {
    const queue = memoryDeliveryQueue();
    return { queue, take: async () => queue.take() };
  },
  async aws() {
    const { client, url, take } = await engineQueue('delivery');
    const queue = deliveryQueue({ client, queueUrl: url });
    return { queue, take: async () => (await take()).map(({ body }) => readDeliveryMessage(body)) };
  },
};

async function given(name: string): Promise<World> {
  const make = worlds[name];
  if (!make) throw new Error(`no world ${name}`);
  return make();
}

async function taken({ take }: World, count: number): Promise<DeliveryMessage[]> {
  const all: DeliveryMessage[] = [];
  const more = async () => {
    all.push(...(await take()).flatMap((message) => (message ? [message] : [])));
    return all.length;
  };
  await eventually(more, (length) => length >= count);
  return all;
}

describe.each(Object.keys(worlds))('delivery queue: %s', (name) => {
  it('hands over what was sent, whole', async () => {
    const world = await given(name);
    const whole: DeliveryMessage = {
      subscription: subscription(1),
      event: routed(1, { text: 'é \ufffe\uffff \u0000 😀' }),
    };
    const reference: DeliveryMessage = {
      subscription: subscription(2),
      event: { key: 'key', sequence: 'sequence' },
      again: { delivery: 'dlv_1', attempts: 3 },
    };
    await world.queue.send([
      { message: whole, delaySeconds: 0 },
      { message: reference, delaySeconds: 0 },
    ]);
    const messages = await taken(world, 2);
    expect(messages).toHaveLength(2);
    expect(messages).toContainEqual(whole);
    expect(messages).toContainEqual(reference);
  });

  it('takes more than one request holds, by number and by size', async () => {
    const world = await given(name);
    const large = 'x'.repeat(150_000);
    const messages = Array.from({ length: 25 }, (_, index) => ({
      message: { subscription: subscription(index), event: routed(index, { large }) },
      delaySeconds: 0,
    }));
    await world.queue.send(messages);
    const keys = (await taken(world, 25)).map(({ event }) => event.key);
    expect(new Set(keys).size).toBe(25);
  });

  it('holds a message back for its delay', async () => {
    const world = await given(name);
    const message = { subscription: subscription(1), event: routed(1) };
    const sent = Date.now();
    await world.queue.send([{ message, delaySeconds: 1 }]);
    expect(await world.take()).toEqual([]);
    expect(await taken(world, 1)).toHaveLength(1);
    expect(Date.now() - sent).toBeGreaterThanOrEqual(950);
  });

  it.each([-1, 901, 0.5, Number.NaN])('refuses a delay of %s s', async (delaySeconds) => {
    const world = await given(name);
    const message = { subscription: subscription(1), event: routed(1) };
    await expect(world.queue.send([{ message, delaySeconds }])).rejects.toThrow(RangeError);
  });

  it('sends nothing for nothing', async () => {
    const world = await given(name);
    await world.queue.send([]);
    expect(await world.take()).toEqual([]);
  });
});

describe('on AWS alone', () => {
  it('gives each message its subscription as group, and throws when the queue is gone', async () => {
    const { client, url, take } = await engineQueue('delivery');
    const message = { subscription: subscription(7), event: routed(1) };
    await deliveryQueue({ client, queueUrl: url }).send([{ message, delaySeconds: 0 }]);
    const [first] = await eventually(take, ({ length }) => length > 0);
    expect(first?.group).toBe(subscription(7).id);
    const gone = deliveryQueue({ client, queueUrl: `${url}-gone` });
    await expect(gone.send([{ message, delaySeconds: 0 }])).rejects.toThrow();
  });
});

it('what is held comes again when it is told to, long before its visibility timeout ends', async () => {
  const { client, url, takeHidden } = await engineQueue('held');
  const queue = deliveryQueue({ client, queueUrl: url });
  await queue.send([{ message: { subscription: subscription(1), event: routed(1) }, delaySeconds: 0 }]);
  const [first] = await takeHidden(600);
  expect(first).toBeDefined();
  expect(await takeHidden(600)).toEqual([]);
  await comingAgain({ client, queueUrl: url })([{ receipt: first ?? '', seconds: 1 }]);
  const again = await eventually(
    () => takeHidden(600),
    (taken) => taken.length > 0,
  );
  expect(again).toHaveLength(1);
});
