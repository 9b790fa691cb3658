import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import type { Row } from '../../adapters/dynamodb/batch.ts';
import { entryOfRow } from '../../adapters/dynamodb/ledger-row.ts';
import { eventBus } from '../../adapters/eventbridge/bus.ts';
import { route, routed } from '../../domain/route.ts';
import { eventFunction } from '../chain.ts';
import { environment } from './environment.ts';

/** The ledger's stream: each accepted event goes once on each shared bus. */
export const handler = eventFunction<DynamoDBStreamEvent, DynamoDBBatchResponse>('route', () => {
  const env = environment.parse(process.env);
  let problem: string | undefined;
  const bus = eventBus({
    client: new EventBridgeClient({}),
    buses: env.BUS_NAMES,
    onFailure: ({ code }) => void (problem = code),
  });
  return async ({ Records }, work) => {
    problem = undefined;
    const images = Records.flatMap(({ eventID, dynamodb }) => {
      // A tombstone has no body: there is nothing to route. The stream's images have the table's own shape.
      const row = dynamodb?.NewImage as Row | undefined;
      const itemIdentifier = dynamodb?.SequenceNumber ?? eventID ?? '';
      return row?.['body'] ? [{ itemIdentifier, entry: entryOfRow(row) }] : [];
    });
    const failed = await route(bus, images.map(({ entry }) => routed(entry)));
    work.did('events.routed');
    work.count('routed', images.length - failed.length);
    work.count('notRouted', failed.length);
    work.note({ problem });
    // A stream goes on from the first record that failed: those behind it come again and are harmless.
    const first = failed[0] === undefined ? undefined : images[failed[0]];
    return { batchItemFailures: first ? [{ itemIdentifier: first.itemIdentifier }] : [] };
  };
});
