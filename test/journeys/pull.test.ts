import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetQueueUrlCommand, PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { tickIn } from './clock.ts';
import {
  agree,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  pair,
  pause,
  publish,
  published,
  subscribe,
  unique,
} from './world.ts';

const { provider, consumer, dataset } = await pair();

async function pulling() {
  const contract = await agree(consumer, dataset.id);
  const { id } = await subscribe(consumer, contract, { kind: 'pull' });
  const messages = (action: string, body: object) =>
    ask(consumer.key, 'POST', `/v1/subscriptions/${id}/messages/${action}`, body);
  /** Receives until so many events came, each with its latest lease: on a slow engine one may end meanwhile. */
  const receive = async (count: number) => {
    const got = new Map<
      string,
      { lease: string; leaseSeconds: number; event: { id: string; data: unknown } }
    >();
    await eventually(async () => {
      const answer = await messages('receive', { max: 10, waitSeconds: 1 });
      expect(answer.status).toBe(200);
      for (const message of answer.body.messages) got.set(message.event.id, message);
      expect(got.size).toBeGreaterThanOrEqual(count);
    });
    return [...got.values()];
  };
  return { contract, id, messages, receive };
}

describe('pulling', () => {
  it('leases events, and acknowledges them for good', async () => {
    const { id, messages, receive } = await pulling();
    const events = [1, 2, 3].map((n) => eventOf(dataset.type, { co2: 400, n }));
    for (const event of events) await published(provider, event);
    const got = await receive(3);
    expect(got.map(({ event }) => event.id).sort()).toEqual(events.map((event) => event.id).sort());
    const leases = got.map(({ lease }) => lease);
    const acked = await messages('ack', { leases });
    expect(acked.body.results).toEqual(leases.map((lease) => ({ lease, ok: true })));
    await pause((got[0]?.leaseSeconds ?? 5) * 1000 + 500);
    expect((await messages('receive', { max: 10, waitSeconds: 0 })).body.messages).toEqual([]);
    const { body } = await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}/deliveries`);
    expect(body.items.map(({ status }: { status: string }) => status)).toEqual([
      'delivered',
      'delivered',
      'delivered',
    ]);
  });

  it('gives back what is released, holds what is extended', async () => {
    const { messages, receive } = await pulling();
    const event = eventOf(dataset.type, { co2: 410 });
    await published(provider, event);
    const [first] = await receive(1);
    await messages('release', { leases: [first!.lease] });
    const [second] = await receive(1);
    expect(second!.event).toEqual(first!.event);
    const extended = await messages('extend', { leases: [second!.lease], seconds: 60 });
    expect(extended.body.results[0].ok).toBe(true);
    await pause(second!.leaseSeconds * 1000 + 500);
    expect((await messages('receive', { max: 10, waitSeconds: 0 })).body.messages).toEqual([]);
  });

  it('gives nothing and takes no acknowledgement once the contract has ended', async () => {
    const { contract, messages, receive } = await pulling();
    await published(provider, eventOf(dataset.type, { co2: 420 }));
    const [leased] = await receive(1);
    await must(200, provider.key, 'POST', `/v1/contracts/${contract}/terminate`, { reason: 'over' });
    await eventually(async () => {
      const answer = await messages('ack', { leases: [leased!.lease] });
      expect(answer.status).toBe(409);
      expect(answer.body.detail).toContain('contract.state=terminated');
    }, 5000);
    await pause(leased!.leaseSeconds * 1000 + 500);
    expect((await messages('receive', { max: 10, waitSeconds: 0 })).status).toBe(409);
  });

  it('parks what nobody pulled before its queue drops it, says so, and gives it once it is recovered', async () => {
    const { id, messages, receive } = await pulling();
    const event = eventOf(dataset.type, { co2: 430 });
    await published(provider, event);
    const statuses = async () => {
      const { body } = await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}/deliveries`);
      return body.items.map(({ status }: { status: string }) => status);
    };
    await eventually(async () => expect(await statuses()).toEqual(['available']));
    await tickIn(3_600_000);
    expect(await statuses()).toEqual(['available']);
    expect((await tickIn(2 * 3_600_000 + 60_000))['parked']).toBeGreaterThan(0);
    expect(await statuses()).toEqual(['parked']);
    const { body: notices } = await must(200, consumer.key, 'GET', '/v1/notices');
    expect(notices.items).toContainEqual(
      expect.objectContaining({
        type: 'maille.delivery.parked.v1',
        subject: id,
        data: expect.objectContaining({ attempts: 0, releasableUntil: expect.any(String) }),
      }),
    );
    const sqs = new SQSClient(mesh.engine);
    const { QueueUrl } = await sqs.send(
      new GetQueueUrlCommand({ QueueName: `maille-${mesh.territory}-pull-${id}` }),
    );
    // As SQS drops what has lain there for 14 days.
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    const since = new Date(Date.now() - 3_600_000).toISOString();
    await must(200, consumer.key, 'POST', `/v1/subscriptions/${id}/recover`, { since });
    const [message] = await receive(1);
    expect(message!.event.id).toBe(event.id);
    await messages('ack', { leases: [message!.lease] });
    expect(await statuses()).toEqual(['delivered']);
  });

  it('refuses what is no receive, with every fault', async () => {
    const { messages } = await pulling();
    const answer = await messages('receive', { max: 11, waitSeconds: 21 });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual(['/max', '/waitSeconds']);
  });
});

describe('the AWS SDK door', () => {
  const events = new EventBridgeClient(mesh.engine);
  const put = async (DetailType: string, detail: object) => {
    const { body } = await must(200, provider.key, 'GET', '/v1/me');
    const EventBusName = body.ingressBus;
    const Entries = [{ EventBusName, Source: 'mobility', DetailType, Detail: JSON.stringify(detail) }];
    const answer = await events.send(new PutEventsCommand({ Entries }));
    expect(answer.FailedEntryCount).toBe(0);
    return answer.Entries?.[0]?.EventId ?? '';
  };

  it('takes a CloudEvent, stored byte for byte as through HTTPS', async () => {
    const { messages, receive } = await pulling();
    const event = eventOf(dataset.type, { co2: 512.25, room: 'Salle 4 é' }, { subject: 'room-4' });
    await put(dataset.type, event);
    const [got] = await receive(1);
    expect(got!.event).toMatchObject(event);
    await messages('ack', { leases: [got!.lease] });
    const again = await publish(provider, event);
    expect(again.body).toMatchObject({ status: 'duplicate', id: event.id });
    const other = { ...event, id: unique('e') };
    const https = await publish(provider, other);
    await put(dataset.type, other);
    expect(https.body.status).toBe('accepted');
    const [second] = await receive(1);
    expect(second!.event).toEqual({ ...got!.event, id: other.id, sequence: expect.any(String) });
  });

  it("takes bare data under EventBridge's own id", async () => {
    const { receive } = await pulling();
    const id = await put(dataset.type, { co2: 333 });
    const [got] = await receive(1);
    expect(got!.event).toMatchObject({
      id,
      type: dataset.type,
      data: { co2: 333 },
      source: `//${mesh.territory}/${provider.id}`,
    });
  });

  it('tells what it refuses, with every error', async () => {
    const id = await put(dataset.type, { co2: -3, colour: 'red' });
    const [refused] = await eventually(async () => {
      const { body } = await must(200, provider.key, 'GET', '/v1/publications?status=rejected');
      const found = body.items.filter((item: { eventId: string }) => item.eventId === id);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(refused.problem.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
      '/data/co2',
      '/data/colour',
    ]);
    const { body: notices } = await must(200, provider.key, 'GET', '/v1/notices');
    expect(notices.items).toContainEqual(
      expect.objectContaining({
        type: 'maille.publication.rejected.v1',
        data: expect.objectContaining({ eventId: id }),
      }),
    );
  });
});
