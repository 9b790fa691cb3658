import { decodeTime } from 'ulid';
import type { LedgerEntry } from '../../domain/ports.ts';
import { numberOf, type Row, textOf } from './batch.ts';
import { shardOf } from './shard.ts';

/** The partition of the ledger's time index: `{dataset}#{UTC day}#{shard}`. */
export const bucketOf = (dataset: string, day: string, shard: number): string => `${dataset}#${day}#${shard}`;

/** The UTC day (`yyyy-mm-dd`) of an instant in epoch milliseconds. */
export const dayOf = (instant: number): string => new Date(instant).toISOString().slice(0, 10);

/** A ledger entry as a row, with the partition of the time index that its ULID and key choose. */
export function rowOfEntry(entry: LedgerEntry): Row {
  return {
    key: { S: entry.key },
    sequence: { S: entry.sequence },
    dataset: { S: entry.dataset },
    provider: { S: entry.provider },
    type: { S: entry.type },
    schemaVersion: { N: String(entry.schemaVersion) },
    digest: { S: entry.digest },
    body: { S: entry.body },
    ...(entry.payload !== undefined && { payload: { S: entry.payload } }),
    expires: { N: String(entry.expires) },
    bucket: { S: bucketOf(entry.dataset, dayOf(decodeTime(entry.sequence)), shardOf(entry.key)) },
  };
}

/** The ledger entry of a row, as the table or its stream has it. */
export function entryOfRow(row: Row): LedgerEntry {
  const payload = row['payload']?.S;
  return {
    key: textOf(row, 'key'),
    sequence: textOf(row, 'sequence'),
    dataset: textOf(row, 'dataset'),
    provider: textOf(row, 'provider'),
    type: textOf(row, 'type'),
    schemaVersion: numberOf(row, 'schemaVersion') ?? 0,
    digest: textOf(row, 'digest'),
    body: textOf(row, 'body'),
    ...(payload !== undefined && { payload }),
    expires: numberOf(row, 'expires') ?? 0,
  };
}

/** What counts besides the values that vary: names of attributes, numbers, the condition. */
const FIXED_BYTES = 120;
const FIXED_REQUEST_BYTES = 700;

/** How large an entry is, never less than DynamoDB counts it: as an item, and as a part of a request. */
export function bytesOf(entry: LedgerEntry): { item: number; request: number } {
  const { body } = entry;
  const short =
    (entry.payload?.length ?? 0) +
    entry.key.length +
    entry.sequence.length +
    2 * entry.dataset.length +
    entry.provider.length;
  const bytes = Buffer.byteLength(body);
  const item = FIXED_BYTES + short + entry.type.length + entry.digest.length + bytes;
  // AWS counts a transaction by its items, the local engine by its text in ASCII, where a quote takes two characters
  // and what is not ASCII six: this is more than both.
  return { item, request: FIXED_REQUEST_BYTES + item + body.length + 4 * (bytes - body.length) };
}
