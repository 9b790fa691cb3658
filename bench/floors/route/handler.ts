import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import type { CloudEvent } from '../../../events/cloudevent.ts';

const client = new EventBridgeClient({});
const EventBusName = process.env['BUS_NAMES'];

/** The floor of `route`: puts what the stream brings on the bus, ten to a request, without a second try. */
export async function handler({ Records }: DynamoDBStreamEvent): Promise<unknown> {
  const entries = Records.map(({ dynamodb }) => {
    const { key, sequence, dataset, schemaVersion, body } = dynamodb?.NewImage ?? {};
    const event = JSON.parse(body?.S ?? '') as CloudEvent;
    const Detail = JSON.stringify({
      key: key?.S,
      sequence: sequence?.S,
      dataset: dataset?.S,
      schemaVersion: Number(schemaVersion?.N),
      event,
    });
    return { Source: 'bare', DetailType: event.type, Detail, EventBusName };
  });
  const writes: Promise<unknown>[] = [];
  for (let at = 0; at < entries.length; at += 10)
    writes.push(client.send(new PutEventsCommand({ Entries: entries.slice(at, at + 10) })));
  await Promise.all(writes);
  return { batchItemFailures: [] };
}
