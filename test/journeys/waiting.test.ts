import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import {
  agree,
  eventOf,
  eventually,
  mesh,
  must,
  pair,
  published,
  publishBatch,
  receiver,
  share,
  subscribe,
} from './world.ts';

/** SQS has at most 120 000 messages of a queue in flight; here it is as if it were so many. */
const IN_FLIGHT_LIMIT = 60;
const sqs = new SQSClient(mesh.engine);
const { provider, consumer, dataset } = await pair();

const readings = (count: number, type: string) =>
  Array.from({ length: count }, (_, n) => eventOf(type, { co2: 500, n }));

/** How many messages the delivery queue has: visible, hidden and delayed. */
async function queued(): Promise<number> {
  const QueueName = `maille-${mesh.territory}-delivery`;
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  const asked = ['', 'NotVisible', 'Delayed'].map((which) => `ApproximateNumberOfMessages${which}` as const);
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: asked as never }),
  );
  return asked.reduce((sum, name) => sum + Number(Attributes[name as never] ?? 0), 0);
}

/** How many of a subscription's deliveries wait for more than a quarter of an hour, or for their endpoint. */
async function waitingFor(id: string): Promise<number> {
  let [count, cursor] = [0, ''];
  do {
    const path = `/v1/subscriptions/${id}/deliveries?limit=200${cursor && `&cursor=${cursor}`}`;
    const { body } = await must(200, consumer.key, 'GET', path);
    const soon = new Date(Date.now() + 900_000).toISOString();
    count += body.items.filter(
      ({ status, dueAt }: { status: string; dueAt?: string }) => status === 'waiting' || (dueAt ?? '') > soon,
    ).length;
    cursor = body.next ?? '';
  } while (cursor);
  return count;
}

it('lets more wait than a queue may have in flight, none of it on the queue, and others flow on', async () => {
  const waits = { 'retry-after': '86400' };
  const [busy, other] = [await receiver(() => 503, waits), await receiver()];
  const late = await share(provider, {
    offer: {
      purposes: ['research'],
      minimisation: [{ clause: 'a-day', do: 'delay', by: 'P1D' }],
      approval: 'automatic',
    },
  });
  const hook = (url: string) => ({ kind: 'webhook', url });
  const { id } = await subscribe(consumer, await agree(consumer, dataset.id), hook(busy.url));
  const { id: delayed } = await subscribe(consumer, await agree(consumer, late.id), hook(other.url));
  const count = IN_FLIGHT_LIMIT * 5;
  for (const type of [dataset.type, late.type])
    expect((await publishBatch(provider, readings(count, type))).body.accepted).toBe(count);
  await eventually(async () => {
    expect(await waitingFor(id)).toBe(count);
    expect(await waitingFor(delayed)).toBe(count);
    expect(await queued()).toBeLessThan(IN_FLIGHT_LIMIT);
  }, mesh.patienceMs * 3);
  expect(other.received).toHaveLength(0);
  const free = await share(provider);
  await subscribe(consumer, await agree(consumer, free.id), hook(other.url));
  await published(provider, eventOf(free.type, { co2: 600 }));
  await other.until(1);
});

it('never asks more of a receiver at once than its concurrency, and others do not wait for it', async () => {
  // Slower than any engine sends, and answering well before the mesh gives up.
  const [narrow, wide] = [
    await receiver(() => 204, {}, Math.min(1500, mesh.patienceMs / 100)),
    await receiver(),
  ];
  for (const [url, concurrency] of [
    [narrow.url, 2],
    [wide.url, 20],
  ] as const)
    await subscribe(consumer, await agree(consumer, dataset.id), { kind: 'webhook', url, concurrency });
  const events = readings(60, dataset.type);
  expect((await publishBatch(provider, events)).body.accepted).toBe(60);
  await wide.until(60);
  const before = narrow.received.length;
  await narrow.until(60, mesh.patienceMs * 5);
  expect(narrow.mostAtOnce).toBeLessThanOrEqual(2);
  expect(before).toBeLessThan(60);
});

it('sends no more in a minute than its receiver allowed, and the others in the next ones', async () => {
  const hook = await receiver();
  hook.allowedRate = '10';
  const { id } = await subscribe(consumer, await agree(consumer, dataset.id), {
    kind: 'webhook',
    url: hook.url,
  });
  expect((await publishBatch(provider, readings(24, dataset.type))).body.accepted).toBe(24);
  const path = `/v1/subscriptions/${id}/deliveries?status=delayed`;
  await eventually(async () => {
    const { body } = await must(200, consumer.key, 'GET', path);
    expect(body.items.length + hook.received.length).toBe(24);
    expect(body.items[0]).toMatchObject({ clause: 'destination.rate', attemptCount: 0 });
  });
  const minutes = Map.groupBy(hook.received, ({ at }) => Math.floor(at / 60_000));
  for (const some of minutes.values()) expect(some.length).toBeLessThanOrEqual(10);
  expect(hook.received.length).toBeGreaterThanOrEqual(10);
});
