import { rowOfEntry } from '../adapters/dynamodb/ledger-row.ts';
import { BUS_SOURCE } from '../events/bus.ts';
import { eventKey } from '../events/key.ts';
import { sealEvent } from '../events/seal.ts';
import type { LedgerEntry } from '../domain/ports.ts';
import { routed } from '../domain/route.ts';
import { airEvents, API_KEY, nextSequence, STAMP, TYPE } from './given.ts';

/** The functions of the flow, in its order. */
export type Hot = 'publish' | 'route' | 'deliver';

/** What Lambda hands to a function for so many events: an event of API Gateway, of the stream or of the queue. */
export const invocation = (name: Hot, events: number): object => INVOCATIONS[name](events);

/** An invocation in which there is nothing to do: no key, no records. */
export const emptyInvocation = (name: Hot): object => (name === 'publish' ? request('') : { Records: [] });

const INVOCATIONS: Record<Hot, (events: number) => object> = {
  publish: (events) => request(JSON.stringify(airEvents(events)), `Bearer ${API_KEY}`),
  route: (events) => ({
    Records: entries(events).map((entry) => ({
      eventID: entry.sequence,
      eventName: 'INSERT',
      eventSource: 'aws:dynamodb',
      dynamodb: {
        Keys: { key: { S: entry.key } },
        NewImage: rowOfEntry(entry),
        SequenceNumber: entry.sequence,
        StreamViewType: 'NEW_IMAGE',
      },
    })),
  }),
  deliver: (events) => ({
    Records: entries(events).map((entry) => ({
      messageId: entry.sequence,
      receiptHandle: entry.key,
      body: JSON.stringify({ subscription: STAMP, event: routed(entry) }),
      attributes: { MessageGroupId: STAMP.id, ApproximateReceiveCount: '1', SenderId: BUS_SOURCE },
      messageAttributes: {},
      eventSource: 'aws:sqs',
    })),
  }),
};

function request(body: string, authorization?: string): object {
  const headers = {
    accept: '*/*',
    'content-type': 'application/cloudevents-batch+json',
    host: 'api.example.org',
    'user-agent': 'bench',
    ...(authorization !== undefined && { authorization }),
  };
  return {
    httpMethod: 'POST',
    path: '/v1/events',
    resource: '/v1/events',
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    queryStringParameters: null,
    requestContext: { requestId: nextSequence(), stage: 'v1', identity: { sourceIp: '127.0.0.1' } },
    body,
    isBase64Encoded: false,
  };
}

function entries(count: number): LedgerEntry[] {
  const now = new Date();
  return airEvents(count).map((event) => {
    const { body, digest } = sealEvent(event, { source: event.source, now });
    return {
      key: eventKey(STAMP.dataset, event.source, event.id),
      sequence: nextSequence(),
      dataset: STAMP.dataset,
      provider: STAMP.provider,
      type: TYPE,
      schemaVersion: 1,
      digest,
      body,
      expires: Math.floor(now.getTime() / 1000) + 2_592_000,
    };
  });
}
