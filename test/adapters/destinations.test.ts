import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { gunzipSync } from 'node:zlib';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';
import { destinations, type HandOverTo, type Kind } from '../../adapters/destinations.ts';
import { consumerBuses } from '../../adapters/eventbridge/consumer-buses.ts';
import { webhookSender } from '../../adapters/http/sender.ts';
import { webhooks } from '../../adapters/http/webhooks.ts';
import { memoryDestinations } from '../../adapters/memory/destinations.ts';
import { archives } from '../../adapters/s3/archives.ts';
import { consumerQueues } from '../../adapters/sqs/consumer-queues.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { destinationConformance, type DestinationUnderTest } from './destinations.conformance.ts';
import { engine, eventually, uniqueName } from './given-engine.ts';
import { engineQueue } from './given-messages.ts';

const never: HandOverTo<Kind> = () => Promise.reject(new Error('another kind was asked for'));
const others = { webhook: never, sqs: never, eventbus: never, s3: never };
const opened: (() => unknown)[] = [];
afterAll(() => opened.forEach((close) => close()));

type Arrival = Awaited<ReturnType<DestinationUnderTest['arrived']>>[number];

/** Takes what arrives until so many have. */
async function gathered(take: () => Promise<Arrival[]>, count: number): Promise<Arrival[]> {
  const got: Arrival[] = [];
  await eventually(
    async () => got.push(...(await take())),
    () => got.length >= count,
  );
  return got;
}

const sqs = (name: string, region = 'eu-west-3') => ({
  kind: 'sqs' as const,
  queueArn: `arn:aws:sqs:${region}:000000000000:${name}`,
  concurrency: 10,
});

destinationConformance('memory', async () => {
  const memory = memoryDestinations({ send: async () => ({ kind: 'answer', status: 204, body: '' }) });
  const [destination, missing] = [sqs('here'), sqs('missing')];
  memory.answer = (name, { delivery }) =>
    name === missing.queueArn
      ? { kind: 'no-answer', error: 'There is no such queue' }
      : { kind: 'accepted', receipt: delivery };
  return {
    handOver: memory.handOver,
    destination,
    missing,
    arrived: async () => (memory.parcels.get(destination.queueArn) ?? []).map(asArrived),
  };
});

const asArrived = ({ delivery, event }: Arrival): Arrival => ({
  delivery,
  event: { ...event, mailledelivery: delivery },
});

destinationConformance('sqs', async () => {
  const queue = await engineQueue('destination');
  const receive = new ReceiveMessageCommand({
    QueueUrl: queue.url,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ['All'],
  });
  return {
    handOver: destinations({
      ...others,
      sqs: consumerQueues({
        clientOf: (region) => new SQSClient({ ...engine(), region, maxAttempts: 1 }),
        principals: ['arn:aws:iam::000000000000:role/deliver'],
      }),
    }),
    destination: { ...sqs(''), queueArn: queue.arn },
    missing: sqs(uniqueName('nowhere')),
    arrived: (count) =>
      gathered(async () => {
        const { Messages = [] } = await queue.client.send(receive);
        return Messages.map(({ Body = '', MessageAttributes }) => ({
          delivery: MessageAttributes?.['webhook-id']?.StringValue ?? '',
          event: JSON.parse(Body) as CloudEvent,
        }));
      }, count),
  };
});

destinationConformance(
  'eventbus',
  async () => {
    const client = new EventBridgeClient({ ...engine(), maxAttempts: 1 });
    const Name = uniqueName('bus');
    const { EventBusArn = '' } = await client.send(new CreateEventBusCommand({ Name }));
    const queue = await engineQueue('behind-bus');
    const EventPattern = JSON.stringify({ source: [{ prefix: '' }] });
    await client.send(new PutRuleCommand({ Name: 'all', EventBusName: Name, EventPattern }));
    const Targets = [{ Id: 'queue', Arn: queue.arn }];
    await client.send(new PutTargetsCommand({ Rule: 'all', EventBusName: Name, Targets }));
    const bus = (busArn: string) => ({ kind: 'eventbus' as const, busArn, concurrency: 10 });
    return {
      handOver: destinations({
        ...others,
        eventbus: consumerBuses({
          clientOf: (region) => new EventBridgeClient({ ...engine(), region, maxAttempts: 1 }),
          principals: ['arn:aws:iam::000000000000:role/deliver'],
        }),
      }),
      destination: bus(EventBusArn),
      missing: bus(EventBusArn.replace(Name, uniqueName('nowhere'))),
      arrived: (count) =>
        gathered(
          async () =>
            (await queue.take()).map(({ body }) => {
              const { detail } = JSON.parse(body) as { detail: CloudEvent };
              return { delivery: String(detail['mailledelivery']), event: detail };
            }),
          count,
        ),
    };
  },
  { acceptsForNobody: 'EventBridge answers for a bus that is not there as for one that no rule matches on' },
);

destinationConformance('s3', async () => {
  const client = new S3Client({ ...engine(), forcePathStyle: true, maxAttempts: 1 });
  const bucket = uniqueName('archive');
  const CreateBucketConfiguration = { LocationConstraint: 'eu-west-3' as const };
  await client.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration }));
  const to = (name: string) => ({ kind: 's3' as const, bucket: name, prefix: 'maille', concurrency: 10 });
  return {
    handOver: destinations({
      ...others,
      s3: archives({ client, principals: ['arn:aws:iam::000000000000:role/clock'] }),
    }),
    destination: to(bucket),
    missing: to(uniqueName('nowhere')),
    arrived: async () => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      const texts = await Promise.all(
        Contents.map(async ({ Key }) => {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
          return gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
        }),
      );
      return texts.flatMap((text) =>
        text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => {
            const event = JSON.parse(line) as CloudEvent;
            return { delivery: String(event['mailledelivery']), event };
          }),
      );
    },
  };
});

const receiving = async (
  take: (body: string, id: string) => Arrival[],
): Promise<{ url: string; arrived: Arrival[] }> => {
  const arrived: Arrival[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      arrived.push(...take(Buffer.concat(chunks).toString(), String(request.headers['webhook-id'])));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(() => server.close());
  opened.push(() => server.closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, arrived };
};

const webhookTo = async (mode: 'structured' | 'batch', take: Parameters<typeof receiving>[0]) => {
  const { url, arrived } = await receiving(take);
  const to = (address: string) => ({ kind: 'webhook' as const, url: address, mode, concurrency: 10 });
  return {
    handOver: destinations({
      ...others,
      webhook: webhooks({
        send: webhookSender({ privateAddresses: true, ports: [] }),
        timeoutMs: 3000,
      }),
    }),
    destination: to(url),
    missing: to('http://127.0.0.1:1/'),
    arrived: async () => arrived.splice(0),
  };
};

destinationConformance(
  'webhook',
  () => webhookTo('structured', (body, delivery) => [{ delivery, event: JSON.parse(body) as CloudEvent }]),
  {
    answersByStatus: 'HTTP answers by a status',
    namesDeliveryOutside: 'Standard Webhooks has the header webhook-id for it',
  },
);

destinationConformance(
  'webhook in batches',
  () =>
    webhookTo('batch', (body) =>
      (JSON.parse(body) as CloudEvent[]).map((event) => ({
        delivery: String(event['mailledelivery']),
        event,
      })),
    ),
  { answersByStatus: 'HTTP answers by a status' },
);
