import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';
import { destinations, type HandOverTo, type Kind } from '../../adapters/destinations.ts';
import { webhookSender } from '../../adapters/http/sender.ts';
import { webhooks } from '../../adapters/http/webhooks.ts';
import { memoryDestinations } from '../../adapters/memory/destinations.ts';
import { consumerQueues } from '../../adapters/sqs/consumer-queues.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { destinationConformance, type DestinationUnderTest } from './destinations.conformance.ts';
import { engine, eventually, uniqueName } from './given-engine.ts';
import { engineQueue } from './given-messages.ts';

const never: HandOverTo<Kind> = () => Promise.reject(new Error('another kind was asked for'));
const others = { webhook: never, sqs: never };
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
  'webhook',
  async () => {
    const arrived: Arrival[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const event = JSON.parse(Buffer.concat(chunks).toString()) as CloudEvent;
        arrived.push({ delivery: String(request.headers['webhook-id']), event });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    opened.push(() => server.close());
    opened.push(() => server.closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const to = (url: string) => ({
      kind: 'webhook' as const,
      url,
      mode: 'structured' as const,
      concurrency: 10,
    });
    return {
      handOver: destinations({
        ...others,
        webhook: webhooks({ send: webhookSender({ privateAddresses: true, ports: [] }), timeoutMs: 3000 }),
      }),
      destination: to(`http://127.0.0.1:${port}/`),
      missing: to('http://127.0.0.1:1/'),
      arrived: async () => arrived.splice(0),
    };
  },
  {
    answersByStatus: 'HTTP answers by a status',
    namesDeliveryOutside: 'Standard Webhooks has the header webhook-id for it',
  },
);
