import { randomBytes } from 'node:crypto';
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { beat, tickIn } from './clock.ts';
import {
  agree,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  pair,
  pause,
  publishBatch,
  receiver,
  subscribe,
} from './world.ts';

const sqs = new SQSClient(mesh.engine);
const { provider, consumer, dataset } = await pair();

const readings = (count: number) =>
  Array.from({ length: count }, (_, n) => eventOf(dataset.type, { co2: 500, n }));
const statuses = async (id: string, status: string): Promise<number> => {
  const path = `/v1/subscriptions/${id}/deliveries?status=${status}&limit=200`;
  return (await must(200, consumer.key, 'GET', path)).body.items.length;
};

it('spares a receiver that is dead for a while, others flow on, and drains what waits when it is well', async () => {
  let well = false;
  const hook = await receiver(() => (well ? 204 : 500));
  const other = await receiver();
  const { id } = await subscribe(consumer, await agree(consumer, dataset.id), {
    kind: 'webhook',
    url: hook.url,
  });
  await subscribe(consumer, await agree(consumer, dataset.id), { kind: 'webhook', url: other.url });
  const first = readings(40);
  expect((await publishBatch(provider, first)).body.accepted).toBe(40);
  await other.until(40);
  await eventually(async () => {
    const { body } = await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}`);
    expect(body.circuit?.state).toBe('open');
  });
  // What is known of a subscription may be a second old in this territory.
  await pause(1500);
  const more = readings(60);
  expect((await publishBatch(provider, more)).body.accepted).toBe(60);
  await other.until(100);
  await eventually(async () => expect(await statuses(id, 'waiting')).toBeGreaterThan(50));
  const before = hook.received.length;
  await pause(3000);
  // Probes, and what had been on its way: never what waits.
  expect(hook.received.length - before).toBeLessThanOrEqual(5);
  well = true;
  await eventually(async () => {
    await beat();
    await pause(500);
    const accepted = new Set(hook.received.slice(before).map(({ body }) => JSON.parse(body).id));
    expect(more.filter((event) => !accepted.has(event.id))).toEqual([]);
  }, mesh.patienceMs * 3);
  await eventually(async () => {
    // None is lost: each arrived, or was out of attempts in a territory whose waits are a second.
    expect((await statuses(id, 'delivered')) + (await statuses(id, 'parked'))).toBe(100);
  }, mesh.patienceMs * 2);
});

it('parks all that comes for a receiver that has failed for too long, and loses none of it', async () => {
  let well = false;
  const hook = await receiver(() => (well ? 204 : 500));
  const { id } = await subscribe(consumer, await agree(consumer, dataset.id), {
    kind: 'webhook',
    url: hook.url,
  });
  const path = `/v1/subscriptions/${id}`;
  const events = readings(30);
  expect((await publishBatch(provider, events)).body.accepted).toBe(30);
  await eventually(async () => {
    await beat();
    await pause(1000);
    expect((await must(200, consumer.key, 'GET', path)).body.status).toBe('disabled');
  }, mesh.patienceMs + 90_000);
  // What is known of a subscription may be a second old in this territory.
  await pause(1500);
  const late = readings(5);
  expect((await publishBatch(provider, late)).body.accepted).toBe(5);
  await eventually(async () => {
    await beat();
    expect(await statuses(id, 'parked')).toBe(35);
  }, mesh.patienceMs * 2);
  const { body } = await must(200, consumer.key, 'GET', '/v1/notices');
  const told = body.items.filter(({ subject }: { subject: string }) => subject === id);
  const types = told.map(({ type }: { type: string }) => type);
  expect(types).toContain('maille.subscription.disabled.v1');
  expect(types).toContain('maille.delivery.parked.v1');
  well = true;
  const before = hook.received.length;
  await must(200, consumer.key, 'PATCH', path, { paused: false });
  await pause(1500);
  await must(200, consumer.key, 'POST', `${path}/recover`, { since: '2026-01-01T00:00:00Z' });
  await eventually(async () => {
    await beat();
    await pause(500);
    expect(await statuses(id, 'delivered')).toBe(35);
  }, mesh.patienceMs * 2);
  const taken = hook.received.slice(before).map(({ body: text }) => JSON.parse(text).id);
  expect(taken.sort()).toEqual([...events, ...late].map((event) => event.id).sort());
});

it('obeys Retry-After', async () => {
  const hook = await receiver((nth) => (nth === 1 ? 429 : 204), { 'retry-after': '4' });
  await subscribe(consumer, await agree(consumer, dataset.id), { kind: 'webhook', url: hook.url });
  await publishBatch(provider, readings(1));
  await hook.until(2, mesh.patienceMs + 10_000);
  expect(hook.received[1]!.at - hook.received[0]!.at).toBeGreaterThanOrEqual(3900);
});

it('sends what was set aside on its way again, for operators only', async () => {
  const hook = await receiver();
  const contract = await agree(consumer, dataset.id);
  const { id } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url });
  const [event] = readings(1);
  await publishBatch(provider, [event!]);
  await hook.until(1);
  const [delivery] = await eventually(async () => {
    const { body } = await must(
      200,
      consumer.key,
      'GET',
      `/v1/subscriptions/${id}/deliveries?status=delivered`,
    );
    expect(body.items).toHaveLength(1);
    return body.items;
  });
  const path = '/v1/dead-letters/delivery-dead/redrive';
  // What others left there unread is looked at now, and so hidden for a minute.
  await must(200, mesh.keys.operator, 'POST', path);
  // What deliver failed on ten times, and what is no message at all.
  const QueueName = `maille-${mesh.territory}-delivery-dead`;
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  const stamp = { id, contract, dataset: dataset.id, provider: provider.id, consumer: consumer.id };
  const unknown = { key: randomBytes(16).toString('hex'), sequence: delivery.event.sequence };
  for (const body of [JSON.stringify({ subscription: stamp, event: unknown }), 'no message'])
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
  expect((await ask(consumer.key, 'POST', path)).status).toBe(403);
  expect((await ask(mesh.keys.operator, 'POST', '/v1/dead-letters/no-such/redrive')).status).toBe(404);
  const { body: listed } = await must(200, mesh.keys.operator, 'GET', '/v1/dead-letters');
  expect(
    listed.items.find(({ queue }: { queue: string }) => queue === 'delivery-dead').count,
  ).toBeGreaterThan(1);
  const { body: done } = await must(200, mesh.keys.operator, 'POST', path);
  expect(done).toMatchObject({ queue: 'delivery-dead', redriven: 1, unreadable: 1, more: false });
  const { body: audit } = await must(
    200,
    mesh.keys.operator,
    'GET',
    '/v1/audit?action=dead-letters.redriven',
  );
  expect(audit.items[0]).toMatchObject({ subject: 'delivery-dead', outcome: 'done' });
});

it('sends what was set aside on its way again by the clock, without anybody', async () => {
  const QueueName = `maille-${mesh.territory}-delivery-dead`;
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  const stamp = { id: `sub_${'0'.repeat(26)}`, contract: 'ctr_none', dataset: dataset.id };
  const subscription = { ...stamp, provider: provider.id, consumer: consumer.id };
  const event = { key: randomBytes(16).toString('hex'), sequence: '01J00000000000000000000000' };
  const MessageBody = JSON.stringify({ subscription, event });
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  await eventually(async () => {
    // Who looked at them before may hide them for a minute.
    expect((await tickIn(3 * 60_000))['lettersSentOn']).toBeGreaterThan(0);
  }, mesh.patienceMs + 60_000);
});
