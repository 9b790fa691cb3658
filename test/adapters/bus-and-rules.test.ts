import {
  CreateEventBusCommand,
  EventBridgeClient,
  ListTargetsByRuleCommand,
} from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import { eventBus } from '../../adapters/eventbridge/bus.ts';
import { eventRules } from '../../adapters/eventbridge/rules.ts';
import { memoryBus } from '../../adapters/memory/bus.ts';
import { memoryDeliveryQueue } from '../../adapters/memory/delivery-queue.ts';
import { memoryRules } from '../../adapters/memory/rules.ts';
import { readDeliveryMessage } from '../../adapters/sqs/delivery-queue.ts';
import { compose } from '../../domain/pattern/compose.ts';
import type { Bus, DeliveryMessage, Rules } from '../../domain/ports.ts';
import { engine, eventually, uniqueName } from './given-engine.ts';
import { engineQueue, routed, subscription } from './given-messages.ts';

interface World {
  bus: Bus;
  rules: Rules;
  buses: [string, string];
  take: () => Promise<(DeliveryMessage | undefined)[]>;
}

const worlds: Record<string, () => Promise<World>> = {
  async memory() {
    const buses: [string, string] = ['one', 'two'];
    const rules = memoryRules();
    const queue = memoryDeliveryQueue();
    return { bus: memoryBus({ buses, rules, queue }), rules, buses, take: async () => queue.take() };
  },
  async aws() {
    const client = new EventBridgeClient(engine());
    const buses: [string, string] = [uniqueName('bus'), uniqueName('bus')];
    for (const Name of buses) await client.send(new CreateEventBusCommand({ Name }));
    const queue = await engineQueue('delivery');
    const rules = eventRules({ client, buses, queueArn: queue.arn, deadLettersArn: queue.arn });
    const take = async () => (await queue.take()).map(({ body }) => readDeliveryMessage(body));
    return { bus: eventBus({ client, buses }), rules, buses, take };
  },
};

const above = (number: number): string =>
  compose({
    dataset: 'co2-ecoles',
    types: ['eu.maille.co2.v1'],
    filter: { data: { co2: [{ numeric: ['>', number] }] } },
  });

async function taken({ take }: World, count: number): Promise<DeliveryMessage[]> {
  const all: DeliveryMessage[] = [];
  const more = async () => {
    all.push(...(await take()).flatMap((message) => (message ? [message] : [])));
    return all.length;
  };
  await eventually(more, (length) => length >= count);
  return all;
}

describe.each(Object.keys(worlds))('bus and rules: %s', (name) => {
  const given = async (): Promise<World> => {
    const make = worlds[name];
    if (!make) throw new Error(`no world ${name}`);
    return make();
  };

  it('brings an event, whole and stamped, to each subscription whose rule matches', async () => {
    const world = await given();
    const [bus] = world.buses;
    const data = {
      co2: 1200.5,
      room: 'Salle « É » "1" \\ <detail>',
      list: [1, null, { a: [] }],
      big: 12345678901,
    };
    await world.rules.put({
      name: subscription(1).id,
      bus,
      pattern: above(1000),
      subscription: subscription(1),
    });
    await world.rules.put({
      name: subscription(2).id,
      bus,
      pattern: above(1300),
      subscription: subscription(2),
    });
    expect(await world.bus.put([routed(1, data), routed(2, { co2: 900 })])).toEqual([]);
    expect(await taken(world, 1)).toEqual([{ subscription: subscription(1), event: routed(1, data) }]);
    expect(await taken(world, 0)).toEqual([]);
  });

  it('puts more than one request holds, on each bus', async () => {
    const world = await given();
    const [first, second] = world.buses;
    await world.rules.put({
      name: subscription(1).id,
      bus: first,
      pattern: above(-1),
      subscription: subscription(1),
    });
    await world.rules.put({
      name: subscription(2).id,
      bus: second,
      pattern: above(-1),
      subscription: subscription(2),
    });
    expect(await world.bus.put(Array.from({ length: 23 }, (_, index) => routed(index)))).toEqual([]);
    const messages = await taken(world, 46);
    const keys = (id: string) =>
      messages.filter((one) => one.subscription.id === id).map(({ event }) => event.key);
    expect(new Set(keys(subscription(1).id)).size).toBe(23);
    expect(new Set(keys(subscription(2).id)).size).toBe(23);
    expect(messages).toHaveLength(46);
  });

  it('replaces a rule, lists all and removes them; removing what is not there is no fault', async () => {
    const world = await given();
    const [first, second] = world.buses;
    const rule = (number: number, bus: string, pattern: string) =>
      world.rules.put({ name: subscription(number).id, bus, pattern, subscription: subscription(number) });
    await rule(1, first, above(1));
    await rule(1, first, above(2));
    await rule(2, second, above(3));
    const listed = await world.rules.list();
    expect(new Set(listed)).toEqual(
      new Set([
        { bus: first, name: subscription(1).id, pattern: above(2) },
        { bus: second, name: subscription(2).id, pattern: above(3) },
      ]),
    );
    for (const { bus, name: rule } of listed) await world.rules.remove(bus, rule);
    await world.rules.remove(first, subscription(1).id);
    expect(await world.rules.list()).toEqual([]);
    expect(await world.bus.put([routed(5)])).toEqual([]);
    expect(await taken(world, 0)).toEqual([]);
  });

  it('puts nothing for nothing', async () => {
    const world = await given();
    expect(await world.bus.put([])).toEqual([]);
  });
});

describe('on AWS alone', () => {
  it('lists more rules than one page holds', async () => {
    const world = await worlds['aws']?.();
    if (!world) throw new Error('no world');
    const [bus] = world.buses;
    for (let number = 0; number < 120; number += 1) {
      await world.rules.put({
        name: subscription(number).id,
        bus,
        pattern: above(number),
        subscription: subscription(number),
      });
    }
    expect(await world.rules.list()).toHaveLength(120);
  });

  it('gives the target its message group and its dead letters', async () => {
    const client = new EventBridgeClient(engine());
    const bus = uniqueName('bus');
    await client.send(new CreateEventBusCommand({ Name: bus }));
    const [queue, dead] = [await engineQueue('delivery'), await engineQueue('rule-dead')];
    const rules = eventRules({ client, buses: [bus], queueArn: queue.arn, deadLettersArn: dead.arn });
    await rules.put({ name: subscription(1).id, bus, pattern: above(1), subscription: subscription(1) });
    const { Targets } = await client.send(
      new ListTargetsByRuleCommand({ Rule: subscription(1).id, EventBusName: bus }),
    );
    expect(Targets).toEqual([
      expect.objectContaining({
        Arn: queue.arn,
        SqsParameters: { MessageGroupId: subscription(1).id },
        DeadLetterConfig: { Arn: dead.arn },
      }),
    ]);
  });
});
