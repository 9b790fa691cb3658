import type { DynamoDBRecord } from 'aws-lambda';
import { type Row, textOf } from '../../adapters/dynamodb/batch.ts';
import { entryOfRow } from '../../adapters/dynamodb/ledger-row.ts';
import type { RoutedEvent } from '../../domain/ports.ts';
import { routed } from '../../domain/route.ts';

/** What a batch of the stream holds: events, and rows that are none. */
export interface Read {
  events: RoutedEvent[];
  unreadable: { key: string; because: string }[];
}

/** Reads a batch record by record: one that cannot be read must not hold up the others. A tombstone is nothing to route. */
export function readRecords(records: DynamoDBRecord[]): Read {
  const read: Read = { events: [], unreadable: [] };
  for (const { dynamodb } of records) {
    // The stream's images have the table's own shape.
    const row = dynamodb?.NewImage as Row | undefined;
    if (!row?.['body']) continue;
    try {
      read.events.push(routed(entryOfRow(row)));
    } catch (error) {
      read.unreadable.push({ key: textOf(row, 'key'), because: String(error) });
    }
  }
  return read;
}
