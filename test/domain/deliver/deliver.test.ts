import { createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, test } from 'vitest';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { sourceIdentity } from '../../../domain/source.ts';
import type { WebhookRequest } from '../../../domain/ports.ts';
import { given } from '../../given.ts';
import { flowInMemory, type MemoryFlow, secretOf } from './flow.ts';

let flow: MemoryFlow;
beforeEach(() => {
  flow = flowInMemory();
});
const only = <Item>(items: Item[]): Item => {
  expect(items).toHaveLength(1);
  return items[0] as Item;
};
const bodyOf = ({ body }: WebhookRequest) => JSON.parse(String(body)) as Record<string, unknown>;

describe('a first attempt', () => {
  test('is one signed CloudEvent, and leaves a record that names its clause', async () => {
    const { subscription } = await flow.begins();
    const entry = await flow.accepted({ data: { co2: 1234 } });
    const report = await flow.deliver(flow.matched(subscription, entry));
    expect(report).toMatchObject({ failed: [], dropped: 0 });

    const request = only(flow.sender.requests);
    const id = deliveryId(entry.sequence, subscription.id);
    expect(request.url).toBe('https://app.example.org/hook');
    expect(request.headers).toMatchObject({
      'webhook-id': id,
      'webhook-timestamp': String(flow.now().getTime() / 1000),
      'content-type': expect.stringContaining('application/cloudevents+json'),
    });
    expect(bodyOf(request)).toMatchObject({
      data: { co2: 1234 },
      sequence: entry.sequence,
      dataset: 'school-air',
    });
    expect(await flow.delivery(id)).toMatchObject({
      status: 'delivered',
      verdict: 'deliver',
      clause: 'contract.terms',
      attemptCount: 1,
      attempts: [{ status: 204 }],
      event: { key: entry.key, sequence: entry.sequence },
    });
  });

  test('is verified by the library that receivers use', async () => {
    flow = flowInMemory();
    // The library checks the time against the machine's clock.
    flow.later(Date.now() - flow.now().getTime());
    const { subscription } = await flow.begins();
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    const { body, headers } = only(flow.sender.requests);
    expect(new Webhook(secretOf(1)).verify(String(body), headers)).toMatchObject({ data: { co2: 800 } });
    expect(() => new Webhook(secretOf(2)).verify(String(body), headers)).toThrow();
  });

  test('is signed by both secrets until the older one ends', async () => {
    const until = new Date(flow.now().getTime() + 60_000).toISOString();
    const [newer, older] = await Promise.all([2, 1].map((number) => flow.sealer.seal(secretOf(number))));
    const secrets = [{ sealed: newer ?? '' }, { sealed: older ?? '', until }];
    const { subscription } = await flow.begins({ subscription: { secrets } });
    const signaturesAfter = async (ms: number): Promise<number> => {
      flow.later(ms);
      await flow.deliver(flow.matched(subscription, await flow.accepted()));
      return (flow.sender.requests.at(-1)?.headers['webhook-signature'] ?? '').split(' ').length;
    };
    expect(await signaturesAfter(0)).toBe(2);
    expect(await signaturesAfter(59_999)).toBe(2);
    expect(await signaturesAfter(1)).toBe(1);
  });

  test('is signed by the published key of the mesh too, where that is wanted', async () => {
    const { destination } = given.subscription();
    if (destination.kind !== 'webhook') throw new Error('the story has a webhook');
    const { subscription } = await flow.begins({
      subscription: { destination: { ...destination, signatures: ['v1', 'v1a'] } },
    });
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    const { body, headers } = only(flow.sender.requests);
    const { keys } = await sourceIdentity(flow);
    const key = createPublicKey({ key: { ...only(keys).jwk }, format: 'jwk' });
    const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${String(body)}`;
    const [v1, v1a] = (headers['webhook-signature'] ?? '').split(' ');
    expect(v1).toMatch(/^v1,/);
    expect(verify(null, Buffer.from(content), key, Buffer.from(v1a?.slice(4) ?? '', 'base64'))).toBe(true);
  });

  test('is minimised before it is signed, and whom it concerns is replaced', async () => {
    const minimisation = [
      { clause: 'no-teacher', do: 'drop', path: '/data/teacher' },
      { clause: 'who', do: 'pseudonymise', path: '/data/room', rotate: 'P1D' },
    ] as const;
    const { subscription } = await flow.begins({ contract: { terms: { minimisation: [...minimisation] } } });
    const entry = await flow.accepted({
      id: 'known-id',
      data: { co2: 1, room: 'R12', teacher: 'Curie' },
    });
    await flow.deliver(flow.matched(subscription, entry));
    const request = only(flow.sender.requests);
    expect(String(request.body)).not.toMatch(/Curie|R12|known-id/);
    expect(bodyOf(request)['data']).toEqual({ co2: 1, room: expect.stringMatching(/^ps_/) });
    expect(await flow.delivery(deliveryId(entry.sequence, subscription.id))).toMatchObject({
      verdict: 'redact',
      clause: 'minimisation.no-teacher+who',
    });
  });

  test('of a pull destination queues a reference, never the event', async () => {
    const { subscription } = await flow.begins({
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    const id = deliveryId(entry.sequence, subscription.id);
    const [leased] = await flow.pullQueues.receive(subscription.pullQueue ?? '', 10, 0, 60);
    expect(leased?.reference).toEqual({ delivery: id, key: entry.key, sequence: entry.sequence });
    expect(await flow.delivery(id)).toMatchObject({ status: 'available', attemptCount: 0 });
    expect(flow.sent()).toEqual([]);
  });
});

describe('a duplicate', () => {
  test.each(['of the bus', 'that only refers to the ledger'])('%s is dropped', async (kind) => {
    const { subscription } = await flow.begins();
    const entry = await flow.accepted();
    const message = flow.matched(subscription, entry);
    await flow.deliver(message);
    const { key, sequence } = entry;
    const again = kind === 'of the bus' ? message : { ...message, event: { key, sequence } };
    expect(await flow.deliver(again)).toMatchObject({ failed: [], records: [], dropped: 1 });
    expect(flow.sent()).toHaveLength(1);
  });

  test('in the same batch is dropped', async () => {
    const { subscription } = await flow.begins();
    const message = flow.matched(subscription, await flow.accepted());
    expect(await flow.deliver(message, message)).toMatchObject({ dropped: 1 });
    expect(flow.sent()).toHaveLength(1);
  });

  test('is another delivery for another subscription', async () => {
    const { subscription } = await flow.begins();
    const { subscription: other } = await flow.begins();
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry), flow.matched(other, entry));
    expect(new Set(flow.sent()).size).toBe(2);
  });

  test('of what was withheld stays withheld, until it is asked for again', async () => {
    const { subscription } = await flow.begins({ subscription: { status: 'paused' } });
    const message = flow.matched(subscription, await flow.accepted());
    await flow.deliver(message);
    await flow.changes('subscription', subscription.id, { status: 'active' });
    flow.later(3000);
    expect(await flow.deliver(message)).toMatchObject({ dropped: 1 });
    const id = deliveryId(message.event.sequence, subscription.id);
    await flow.deliver({ ...message, again: { delivery: id, attempts: 0 } });
    expect(flow.sent()).toEqual([id]);
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered', clause: 'contract.terms' });
  });

  test('of the wake-up fills a pull queue once', async () => {
    const { subscription } = await flow.begins({
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    const message = flow.matched(subscription, await flow.accepted());
    const again = {
      ...message,
      again: { delivery: deliveryId(message.event.sequence, subscription.id), attempts: 0 },
    };
    await flow.deliver(message);
    expect(await flow.deliver(again)).toMatchObject({ dropped: 1 });
    expect(await flow.pullQueues.receive(subscription.pullQueue ?? '', 10, 0, 60)).toHaveLength(1);
  });
});

describe('an event that was accepted before the subscription was made', () => {
  test('is not delivered when it is routed late, or again after an outage; a millisecond decides', async () => {
    const entry = await flow.accepted();
    flow.later(1);
    const { subscription } = await flow.begins({ subscription: { createdAt: flow.now().toISOString() } });
    const { key, sequence } = entry;
    const late = flow.matched(subscription, entry);
    const again = { ...late, event: { key, sequence } };
    expect(await flow.deliver(late, again)).toMatchObject({ failed: [], records: [], dropped: 2 });
    expect(flow.sender.requests).toEqual([]);
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect(flow.sender.requests).toHaveLength(1);
  });
});

describe('a delay clause', () => {
  const delayed = (by: string) => ({
    terms: { minimisation: [{ clause: 'later', do: 'delay' as const, by }] },
  });

  test('of minutes waits on the queue, and sends nothing before its time', async () => {
    const { subscription } = await flow.begins({ contract: delayed('PT15M') });
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    const id = deliveryId(entry.sequence, subscription.id);
    expect(await flow.delivery(id)).toMatchObject({ status: 'delayed', clause: 'minimisation.later' });
    flow.later(899_000);
    expect(await flow.wakes()).toMatchObject({ records: [], dropped: 0 });
    flow.later(1000);
    await flow.wakes();
    expect(flow.sent()).toEqual([id]);
  });

  test('of hours is due at its end', async () => {
    const { subscription } = await flow.begins({ contract: delayed('PT2H') });
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    const due = new Date(flow.now().getTime() + 7_200_000).toISOString();
    expect(await flow.delivery(deliveryId(entry.sequence, subscription.id))).toMatchObject({ dueAt: due });
    flow.later(1_000_000);
    expect(flow.queue.take()).toEqual([]);
  });
});

describe('while a changed filter settles', () => {
  const filter = { data: { co2: [{ numeric: ['>', 1000] }] } };
  const rule = {
    name: 'new',
    bus: 'maille-test',
    putAt: given.delivery().createdAt,
    settled: false,
    replaces: 'old',
  };

  test('the new filter decides on what the old rule still matches', async () => {
    const { subscription } = await flow.begins({ subscription: { filter, rule } });
    const [low, high] = [await flow.accepted(), await flow.accepted({ data: { co2: 1500 } })];
    const report = await flow.deliver(flow.matched(subscription, low), flow.matched(subscription, high));
    expect(report).toMatchObject({ dropped: 1 });
    expect(flow.sent()).toEqual([deliveryId(high.sequence, subscription.id)]);
  });

  test('a delivery under way that no longer matches is withheld, not forgotten', async () => {
    const { subscription } = await flow.begins();
    flow.answers(500);
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    await flow.changes('subscription', subscription.id, { filter, rule });
    flow.later(5000);
    await flow.wakes();
    expect(await flow.delivery(deliveryId(entry.sequence, subscription.id))).toMatchObject({
      status: 'withheld',
      clause: 'subscription.filter',
      attemptCount: 1,
    });
    expect(flow.sent()).toHaveLength(1);
  });
});
