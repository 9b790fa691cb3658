import { beforeEach, describe, expect, test } from 'vitest';
import { letterIn } from '../../../adapters/sqs/set-aside.ts';
import { listSetAside, redrive } from '../../../domain/dead-letters/redrive.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { DeliveryMessage, SetAsideLetter } from '../../../domain/ports.ts';
import { type Break, flowInMemory, type MemoryFlow } from '../deliver/flow.ts';

let flow: MemoryFlow;
let breaks: Break;
beforeEach(() => {
  breaks = () => undefined;
  flow = flowInMemory({ breaks: (port, call) => breaks(port, call) });
});

async function setAside(count: number): Promise<DeliveryMessage[]> {
  const { subscription } = await flow.begins();
  const messages: DeliveryMessage[] = [];
  for (let made = 0; made < count; made += 1)
    messages.push(flow.matched(subscription, await flow.accepted()));
  for (const message of messages) flow.setAside.put('delivery-dead', { kind: 'delivery', message });
  return messages;
}

describe('a redrive', () => {
  test('of deliveries delivers them, once', async () => {
    const [message] = await setAside(1);
    expect(await redrive(flow, 'delivery-dead')).toEqual({
      queue: 'delivery-dead',
      redriven: 1,
      unreadable: 0,
      more: false,
    });
    await flow.wakes();
    const { event, subscription } = message as DeliveryMessage;
    expect(flow.sent()).toEqual([deliveryId(event.sequence, subscription.id)]);
    expect(flow.setAside.letters).toEqual([]);
  });

  test('that is interrupted loses nothing, and delivers nothing twice', async () => {
    const messages = await setAside(15);
    let left = 7;
    breaks = (port, call) => (port === 'queue' && call === 'send' && left-- === 0 ? 'after' : undefined);
    await expect(redrive(flow, 'delivery-dead')).rejects.toThrow('queue.send');
    expect(flow.setAside.letters).toHaveLength(8);
    flow.setAside.visible();
    await redrive(flow, 'delivery-dead');
    await flow.wakes();
    expect(flow.sent()).toHaveLength(15);
    expect(new Set(flow.sent())).toEqual(
      new Set(messages.map(({ event, subscription }) => deliveryId(event.sequence, subscription.id))),
    );
  });

  test('goes on in bounded portions', async () => {
    await setAside(205);
    expect(await redrive(flow, 'delivery-dead')).toMatchObject({ redriven: 200, more: true });
    expect(await redrive(flow, 'delivery-dead')).toMatchObject({ redriven: 5, more: false });
  });

  test('leaves what cannot be read where it is', async () => {
    flow.setAside.put('rule-dead', { kind: 'unreadable' });
    expect(await redrive(flow, 'rule-dead')).toMatchObject({ redriven: 0, unreadable: 1 });
    expect(flow.setAside.letters).toHaveLength(1);
  });

  test('of what a rule matched reads the subscription anew', async () => {
    const { subscription } = await flow.begins();
    const { key, sequence } = await flow.accepted();
    const letter: SetAsideLetter = {
      kind: 'matched',
      subscription: subscription.id,
      event: { key, sequence },
    };
    flow.setAside.put('rule-dead', letter);
    await redrive(flow, 'rule-dead');
    await flow.wakes();
    expect(flow.sent()).toEqual([deliveryId(sequence, subscription.id)]);
  });

  test('of an entry that cannot be admitted yet keeps it', async () => {
    const entry = { participant: 'atmo', event: { id: 'e', 'detail-type': 't', time: 'now', detail: {} } };
    flow.setAside.put('admit-dead', { kind: 'entry', entry });
    const failing = { ...flow, admitAgain: () => Promise.reject(new Error('the ledger is away')) };
    await expect(redrive(failing, 'admit-dead')).rejects.toThrow('the ledger is away');
    expect(flow.setAside.letters).toHaveLength(1);
    flow.setAside.visible();
    const admitted: unknown[] = [];
    await redrive({ ...flow, admitAgain: async (one) => void admitted.push(one) }, 'admit-dead');
    expect(admitted).toEqual([entry]);
    expect(flow.setAside.letters).toEqual([]);
  });

  test('of what route set aside is the clock’s', async () => {
    let woken = 0;
    const waking = { ...flow, wakeClock: async () => void (woken += 1) };
    expect(await redrive(waking, 'route-dead')).toMatchObject({ queue: 'route-dead' });
    expect(woken).toBe(1);
  });
});

test('the list tells how many lie where, and what that means', async () => {
  await setAside(3);
  const { items: queues, next } = await listSetAside(flow, { limit: 50 });
  expect(next).toBeNull();
  expect(queues.map(({ queue, count }) => [queue, count])).toEqual([
    ['delivery-dead', 3],
    ['rule-dead', 0],
    ['route-dead', 0],
    ['admit-dead', 0],
  ]);
  expect(queues.every(({ means }) => means.length > 20)).toBe(true);
});

describe('a dead letter', () => {
  const RULE = 'arn:aws:events:eu-west-3:000000000000:rule/maille-test/sub_01KDVDG4000000000000000000.2';
  const attributes = (StringValue: string) => ({ RULE_ARN: { DataType: 'String', StringValue } });

  test('of a rule is understood as its target would have got it, and as it was on the bus', async () => {
    const { subscription } = await flow.begins();
    const message = flow.matched(subscription, await flow.accepted());
    expect(letterIn('rule-dead', { Body: JSON.stringify(message) })).toEqual({ kind: 'delivery', message });
    const Body = JSON.stringify({ 'detail-type': 'x', detail: message.event });
    const { key, sequence } = message.event;
    expect(letterIn('rule-dead', { Body, MessageAttributes: attributes(RULE) })).toEqual({
      kind: 'matched',
      subscription: 'sub_01KDVDG4000000000000000000',
      event: { key, sequence },
    });
    expect(letterIn('rule-dead', { Body })).toEqual({ kind: 'unreadable' });
  });

  test('of an ingress bus is understood as Lambda reports it, as it was handed over, and as it was put', () => {
    const event = { id: 'e', 'detail-type': 't', time: '2026-03-01T10:00:00Z', detail: { co2: 1 } };
    const entry = { participant: 'atmo', event };
    for (const body of [entry, { requestPayload: entry }])
      expect(letterIn('admit-dead', { Body: JSON.stringify(body) })).toEqual({ kind: 'entry', entry });
    const bus = 'arn:aws:events:eu-west-3:000000000000:rule/maille-test-in-atmo/admit';
    expect(
      letterIn('admit-dead', { Body: JSON.stringify(event), MessageAttributes: attributes(bus) }),
    ).toEqual({ kind: 'entry', entry });
    for (const Body of ['', '{', '{}', '[]', JSON.stringify(event)])
      expect(letterIn('admit-dead', { Body })).toEqual({ kind: 'unreadable' });
  });
});
