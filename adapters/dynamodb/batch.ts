import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { ProblemError } from '../../schemas/problem.ts';
import { toBatches } from '../batches.ts';
import { isPast } from '../expiry.ts';
import { backoff, TRIES } from './retry.ts';

/** A row as the low-level client has it: hand-made attribute values cost the hot path less than a document client. */
export type Row = Record<string, AttributeValue>;

/** A table and the client that reaches it. */
export interface Table {
  client: DynamoDBClient;
  table: string;
}

const MOST_GETS = 100;
const MOST_WRITES = 25;

const inChunks = (rows: Row[], items: number): Row[][] =>
  toBatches(rows, { items, bytes: Infinity }, () => 0);

/** Reads rows by key, strongly consistent, in any order; keys must differ. Throws unless every key was looked up. */
export async function getRows(at: Table, keys: Row[]): Promise<Row[]> {
  const parts = await Promise.all(inChunks(keys, MOST_GETS).map((chunk) => getChunk(at, chunk)));
  return parts.flat();
}

async function getChunk({ client, table }: Table, keys: Row[]): Promise<Row[]> {
  const rows: Row[] = [];
  let open = keys;
  for (let tried = 0; tried < TRIES; tried++) {
    if (tried > 0) await backoff(tried);
    const answer = await client.send(
      new BatchGetItemCommand({ RequestItems: { [table]: { Keys: open, ConsistentRead: true } } }),
    );
    rows.push(...(answer.Responses?.[table] ?? []));
    open = answer.UnprocessedKeys?.[table]?.Keys ?? [];
    if (open.length === 0) return rows;
  }
  throw new ProblemError('unavailable', 'The store is too busy to be read', { retryAfter: 1 });
}

/** Writes rows over what was there; keys must differ. Throws unless all were written. */
export async function putRows(at: Table, rows: Row[]): Promise<void> {
  await Promise.all(inChunks(rows, MOST_WRITES).map((chunk) => putChunk(at, chunk)));
}

async function putChunk({ client, table }: Table, rows: Row[]): Promise<void> {
  let open = rows.map((Item) => ({ PutRequest: { Item } }));
  for (let tried = 0; tried < TRIES; tried++) {
    if (tried > 0) await backoff(tried);
    const answer = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: open } }));
    open = (answer.UnprocessedItems?.[table] ?? []).flatMap(({ PutRequest }) =>
      PutRequest?.Item ? [{ PutRequest: { Item: PutRequest.Item } }] : [],
    );
    if (open.length === 0) return;
  }
  throw new ProblemError('unavailable', 'The store is too busy to be written', { retryAfter: 1 });
}

/** The text of a row's attribute; throws when it is missing, since rows are written by this project only. */
export function textOf(row: Row, attribute: string): string {
  const value = row[attribute]?.S;
  if (value === undefined) throw new Error(`a row without ${attribute}`);
  return value;
}

/** The number of a row's attribute, if it has one. */
export function numberOf(row: Row, attribute: string): number | undefined {
  const value = row[attribute]?.N;
  return value === undefined ? undefined : Number(value);
}

/** Whether a row's time to live has ended: DynamoDB may keep it for days, but it counts as gone. */
export const hasExpired = (row: Row, now: Date): boolean => isPast(numberOf(row, 'expires'), now);
