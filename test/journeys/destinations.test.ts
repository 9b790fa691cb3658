import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { HTTP } from 'cloudevents';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { beat } from './clock.ts';
import {
  agree,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  pair,
  pause,
  published,
  publishBatch,
  receiver,
  subscribe,
  verified,
} from './world.ts';

const sqs = new SQSClient(mesh.engine);
const { provider, consumer, dataset } = await pair({
  offer: {
    purposes: ['research'],
    minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }],
    approval: 'automatic',
  },
});

/** A queue that a test makes itself, and what is taken out of it. */
async function queueOf(name: string) {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const receive = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ['All'],
  });
  // The first one only finds out whether the queue lets the mesh in.
  const take = async () => {
    const { Messages = [] } = await sqs.send(receive);
    return Messages.filter(({ Body = '' }) => !Body.includes('maille.verification.v1'));
  };
  // What an earlier test left is nobody's.
  while ((await take()).length > 0);
  return {
    arn: `arn:aws:sqs:${mesh.engine.region}:000000000000:${name}`,
    /** Takes messages until so many have come. */
    until: async (count: number) => {
      const got: Awaited<ReturnType<typeof take>> = [];
      await eventually(async () => {
        got.push(...(await take()));
        if (got.length < count) throw new Error(`${got.length} of ${count} messages came`);
      });
      return got;
    },
    take,
  };
}

const reading = (co2: number) => eventOf(dataset.type, { co2, room: 'Salle 4', teacher: 'Mme Curie' });

describe('a queue of the consumer', () => {
  it('gets events minimised, with the id of their delivery, and nothing once the contract has ended', async () => {
    const queue = await queueOf('journey-readings');
    const contract = await agree(consumer, dataset.id);
    const { id, secret } = await subscribe(consumer, contract, { kind: 'sqs', queueArn: queue.arn });
    expect(secret).toBeUndefined();
    const event = reading(512);
    await published(provider, event);
    const [message] = await queue.until(1);
    const got = JSON.parse(message?.Body ?? '');
    expect(got).toMatchObject({
      specversion: '1.0',
      id: event.id,
      type: dataset.type,
      dataset: dataset.id,
      data: { co2: 512, room: 'Salle 4' },
    });
    expect(message?.Body).not.toContain('Curie');
    expect(message?.MessageAttributes).toMatchObject({
      'content-type': { StringValue: 'application/cloudevents+json' },
      'webhook-id': { StringValue: got.mailledelivery },
      'ce-type': { StringValue: dataset.type },
    });
    const delivery = await eventually(async () => {
      const { body } = await must(200, consumer.key, 'GET', `/v1/deliveries/${got.mailledelivery}`);
      expect(body.status).toBe('delivered');
      return body;
    });
    expect(delivery).toMatchObject({
      subscription: id,
      verdict: 'redact',
      attempts: [{ answer: message?.MessageId }],
    });

    await must(200, provider.key, 'POST', `/v1/contracts/${contract}/terminate`, { reason: 'over' });
    await pause(1500);
    await published(provider, reading(513));
    await pause(2000);
    expect(await queue.take()).toEqual([]);
  });

  it('is tested by an event of its own', async () => {
    const queue = await queueOf('journey-readings');
    const { id } = await subscribe(consumer, await agree(consumer, dataset.id), {
      kind: 'sqs',
      queueArn: queue.arn,
    });
    const { body } = await must(200, consumer.key, 'POST', `/v1/subscriptions/${id}/test`);
    const [message] = await queue.until(1);
    expect(body).toMatchObject({ answer: message?.MessageId });
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ type: 'maille.test.v1', subject: id });
    await must(204, consumer.key, 'DELETE', `/v1/subscriptions/${id}`);
  });

  it.each([
    [
      'of the account of the mesh that is not listed',
      'arn:aws:sqs:eu-west-3:000000000000:others',
      /ownDestinations/,
    ],
    ['of the mesh itself', 'arn:aws:sqs:eu-west-3:000000000000:maille-test-delivery', /mesh's own/],
    ['of another partition', 'arn:aws-cn:sqs:cn-north-1:111122223333:readings', /partition/],
    ['that is no ARN', 'https://sqs.eu-west-3.amazonaws.com/111122223333/readings', /must be an ARN such as/],
    ['of another service', 'arn:aws:sns:eu-west-3:111122223333:readings', /must be an ARN such as/],
    ['that is a FIFO', 'arn:aws:sqs:eu-west-3:111122223333:readings.fifo', /standard queue/],
  ])('is refused: one %s', async (_, queueArn, message) => {
    const contract = await agree(consumer, dataset.id);
    const { status, body } = await ask(consumer.key, 'POST', '/v1/subscriptions', {
      contract,
      destination: { kind: 'sqs', queueArn },
    });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path: '/destination/queueArn', message: expect.stringMatching(message) }]);
  });
});

describe('an event bus of the consumer', () => {
  it('gets the CloudEvent as detail, seen through a rule of its own, and nothing after revocation', async () => {
    const events = new EventBridgeClient(mesh.engine);
    const name = 'journey-readings';
    await events.send(new CreateEventBusCommand({ Name: name })).catch(() => undefined);
    const queue = await queueOf('journey-behind-bus');
    const EventPattern = JSON.stringify({ 'detail-type': [dataset.type] });
    await events.send(new PutRuleCommand({ Name: 'readings', EventBusName: name, EventPattern }));
    const Targets = [{ Id: 'queue', Arn: queue.arn }];
    await events.send(new PutTargetsCommand({ Rule: 'readings', EventBusName: name, Targets }));
    const busArn = `arn:aws:events:${mesh.engine.region}:000000000000:event-bus/${name}`;
    const contract = await agree(consumer, dataset.id);
    const { id } = await subscribe(consumer, contract, { kind: 'eventbus', busArn });
    const event = reading(640);
    await published(provider, event);
    const [message] = await queue.until(1);
    const entry = JSON.parse(message?.Body ?? '');
    expect(entry).toMatchObject({
      'detail-type': dataset.type,
      source: `//${mesh.territory}/${provider.id}`,
      detail: { specversion: '1.0', id: event.id, data: { co2: 640, room: 'Salle 4' } },
    });
    expect(message?.Body).not.toContain('Curie');
    await eventually(async () => {
      const { body } = await must(200, consumer.key, 'GET', `/v1/deliveries/${entry.detail.mailledelivery}`);
      expect(body).toMatchObject({ subscription: id, attempts: [{ answer: expect.stringMatching(/./) }] });
    });
    expect((await must(200, consumer.key, 'POST', `/v1/subscriptions/${id}/test`)).body.answer).toMatch(/./);

    await must(200, provider.key, 'POST', `/v1/contracts/${contract}/terminate`, { reason: 'over' });
    await pause(1500);
    await published(provider, reading(641));
    await pause(2000);
    expect(await queue.take()).toEqual([]);
  });
});

describe('an archive in a bucket of the consumer', () => {
  const s3 = new S3Client({ ...mesh.engine, forcePathStyle: true });
  const bucket = 'journey-readings-archive';

  /** The lines of the objects below a prefix, by the name of their object. */
  async function lines(prefix: string): Promise<Map<string, string[]>> {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    const found = new Map<string, string[]>();
    for (const { Key = '' } of Contents) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      const text = gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
      expect(text.endsWith('\n')).toBe(true);
      found.set(Key, text.trimEnd().split('\n'));
    }
    return found;
  }

  it('gets whole objects of lines, by dataset and day, minimised; nothing after revocation', async () => {
    const CreateBucketConfiguration = { LocationConstraint: 'eu-west-3' as const };
    await s3
      .send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration }))
      .catch(() => undefined);
    const contract = await agree(consumer, dataset.id);
    const prefix = `runs/${contract}`;
    const { id } = await subscribe(consumer, contract, { kind: 's3', bucket, prefix });
    const readings = [701, 702, 703].map(reading);
    for (const event of readings) await published(provider, event);
    const got = await eventually(async () => {
      await beat();
      const objects = await lines(`${prefix}/dataset=`);
      // A line may come twice, the same: events are written at least once. What was written to be let in stands apart.
      expect(new Set([...objects.values()].flat()).size).toBe(3);
      return objects;
    });
    const today = new Date().toISOString().slice(0, 10);
    for (const name of got.keys())
      expect(name).toMatch(
        new RegExp(
          `^${prefix}/dataset=${dataset.id}/day=${today}/dlv_[0-9A-Z]{26}-[0-9a-f]{16}\\.ndjson\\.gz$`,
        ),
      );
    const events = [...new Set([...got.values()].flat())].map((line) => JSON.parse(line));
    expect(events.map((event) => event.id).sort()).toEqual(readings.map((event) => event.id).sort());
    for (const event of events) expect(event.data).toEqual({ co2: expect.any(Number), room: 'Salle 4' });
    await eventually(async () => {
      const { body } = await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}/deliveries`);
      const statuses = body.items.map(({ status }: { status: string }) => status);
      expect(statuses).toEqual(['delivered', 'delivered', 'delivered']);
    });
    const tested = await must(200, consumer.key, 'POST', `/v1/subscriptions/${id}/test`);
    expect(tested.body.answer).toMatch(new RegExp(`^${prefix}/test/`));

    await published(provider, reading(704));
    await pause(1000);
    await must(200, provider.key, 'POST', `/v1/contracts/${contract}/terminate`, { reason: 'over' });
    await pause(1500);
    await beat();
    expect(new Set([...(await lines(`${prefix}/dataset=`)).values()].flat()).size).toBe(3);
    await must(204, consumer.key, 'DELETE', `/v1/subscriptions/${id}`);
  });

  it('is refused where the bucket is one of the mesh', async () => {
    const contract = await agree(consumer, dataset.id);
    const destination = { kind: 's3', bucket: 'maille-test-payloads-000000000000-eu-west-3' };
    const { status, body } = await ask(consumer.key, 'POST', '/v1/subscriptions', { contract, destination });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ path: '/destination/bucket' }]);
  });
});

describe('a webhook that asked for batches', () => {
  it('gets signed batches that the SDK of CloudEvents reads, each event with the id of its delivery', async () => {
    const hook = await receiver();
    const contract = await agree(consumer, dataset.id);
    const { secret } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url, mode: 'batch' });
    const readings = Array.from({ length: 12 }, (_, n) => reading(800 + n));
    await publishBatch(provider, readings);
    const parsed = await eventually(() => {
      const events = hook.received.flatMap((request) => {
        expect(request.headers['content-type']).toBe('application/cloudevents-batch+json');
        verified(secret, request);
        const read = HTTP.toEvent({ headers: request.headers, body: request.body });
        return Array.isArray(read) ? read : [read];
      });
      expect(events.length).toBeGreaterThanOrEqual(12);
      return events;
    });
    expect(parsed.map((event) => event.id).sort()).toEqual(readings.map((event) => event.id).sort());
    const deliveries = parsed.map((event) => String(event['mailledelivery']));
    expect(new Set(deliveries).size).toBe(12);
    for (const { headers, body } of hook.received) {
      const several = JSON.parse(body).length > 1;
      expect(headers['webhook-id']).toMatch(several ? /^bat_[0-9a-f]{32}$/ : /^dlv_/);
    }
  });
});
