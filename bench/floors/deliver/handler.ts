import { BatchGetItemCommand, BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { createHmac, createSecretKey, hash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { dynamoClient } from '../../../adapters/dynamodb/client.ts';
import type { DeliveryMessage, RoutedEvent } from '../../../domain/ports.ts';

const client = dynamoClient();
const agent = new Agent({ keepAlive: true });
const secret = createSecretKey(
  Buffer.from((process.env['BENCH_SECRET'] ?? '').slice('whsec_'.length), 'base64'),
);
const { hostname, port, pathname } = new URL(process.env['BENCH_SINK'] ?? '');
const table = process.env['DELIVERIES_TABLE'] ?? '';

/** The floor of `deliver`: reads the records, signs, makes the same requests over kept connections, writes the records. */
export async function handler({ Records }: SQSEvent): Promise<unknown> {
  const deliveries = Records.map(({ body }) => {
    const { subscription, event } = JSON.parse(body) as DeliveryMessage & { event: RoutedEvent };
    const id = `dlv_${event.sequence.slice(0, 10)}${hash('sha256', event.sequence + subscription.id).slice(0, 16)}`;
    return { id, subscription: subscription.id, routed: event };
  });
  const Keys = deliveries.map(({ id }) => ({ id: { S: id } }));
  await client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }));
  const items = await Promise.all(deliveries.map(sent));
  const puts = items.map((Item) => ({ PutRequest: { Item } }));
  await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: puts } }));
  return { batchItemFailures: [] };
}

async function sent({ id, subscription, routed }: { id: string; subscription: string; routed: RoutedEvent }) {
  const { event, dataset, sequence, key } = routed;
  const at = Date.now();
  const body = JSON.stringify({ ...event, dataset, sequence });
  const timestamp = Math.floor(at / 1000);
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  const status = await post(body, {
    'content-type': 'application/cloudevents+json',
    'user-agent': 'bare',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  });
  const when = new Date(at).toISOString();
  const item = {
    id,
    subscription,
    event: { key, sequence, id: event.id, source: event.source, type: event.type },
    status: 'delivered',
    verdict: 'deliver',
    clause: 'contract.terms',
    attempts: [{ at: when, latencyMs: Date.now() - at, status, answer: '' }],
    attemptCount: 1,
    createdAt: when,
    updatedAt: when,
    expires: timestamp + 2_592_000,
  };
  return {
    id: { S: id },
    lane: { S: `${subscription}#0` },
    status: { S: 'delivered' },
    item: { S: JSON.stringify(item) },
    expires: { N: String(item.expires) },
  };
}

const post = (body: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const options = { agent, hostname, port, path: pathname, method: 'POST' };
    request(
      { ...options, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    )
      .on('error', reject)
      .end(body);
  });
