import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { AppendResult, Clock, LedgerEntry } from '../../domain/ports.ts';
import { toBatches } from '../batches.ts';
import { hasExpired, type Row, type Table, textOf } from './batch.ts';
import { isTombstone } from './ledger-erase.ts';
import { bytesOf, rowOfEntry } from './ledger-row.ts';
import { backoff, isTransient, maySendAgain, TRIES } from './retry.ts';

const TRANSACTION = { items: 100, bytes: 4 * 1024 * 1024 };
const MOST_ITEM_BYTES = 400 * 1024;

/** One entry on its way: `at` is its place in the call. */
export interface Pending {
  at: number;
  entry: LedgerEntry;
}

// `key` is a reserved word that would need a name in every put; each row has a digest as it has a key.
const NOT_THERE = {
  ConditionExpression: 'attribute_not_exists(digest)',
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
} as const;

/** Splits entries into transactions that DynamoDB takes; throws on one that no table takes, before anything is written. */
export function transactionsOf(entries: LedgerEntry[]): Pending[][] {
  const sized = entries.map((entry, at) => ({ at, entry, bytes: bytesOf(entry) }));
  const large = sized.find(({ bytes }) => bytes.item > MOST_ITEM_BYTES);
  if (large)
    throw new RangeError(
      `event ${large.entry.key} has ${large.bytes.item} bytes, more than the ledger takes`,
    );
  return toBatches(sized, TRANSACTION, ({ bytes }) => bytes.request);
}

/** Puts one transaction's entries, again without those that were there, and tells each one's result by its place. */
export async function appendTogether(
  at: Table,
  clock: Clock,
  pending: Pending[],
  results: AppendResult[],
): Promise<void> {
  let open = pending;
  let tried = 0;
  while (open.length > 0 && tried < TRIES) {
    if (tried > 0) await backoff(tried);
    const found = await put(at, open);
    if (found === 'written') {
      for (const { at: place } of open) results[place] = 'accepted';
      return;
    }
    if (found === 'again') tried++;
    else open = await withoutThoseThere(at, clock, open, found, results);
  }
}

/** The row that stood in the way of each entry, undefined where none did. */
type Found = (Row | undefined)[];

async function put(at: Table, open: Pending[]): Promise<'written' | 'again' | Found> {
  try {
    // A single put costs half the write units of a transaction of one.
    const [only] = open;
    if (only && open.length === 1) {
      await at.client.send(
        new PutItemCommand({ TableName: at.table, Item: rowOfEntry(only.entry), ...NOT_THERE }),
      );
    } else {
      const TransactItems = open.map(({ entry }) => ({
        Put: { TableName: at.table, Item: rowOfEntry(entry), ...NOT_THERE },
      }));
      await at.client.send(new TransactWriteItemsCommand({ TransactItems }));
    }
    return 'written';
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): 'again' | Found {
  if (error instanceof ConditionalCheckFailedException && error.Item) return [error.Item];
  if (error instanceof TransactionCanceledException) {
    const reasons = error.CancellationReasons ?? [];
    const found = reasons.map(({ Code, Item }) => (Code === 'ConditionalCheckFailed' ? Item : undefined));
    if (found.some((row) => row !== undefined)) return found;
    if (maySendAgain(reasons)) return 'again';
  }
  if (isTransient(error)) return 'again';
  throw error;
}

async function withoutThoseThere(
  at: Table,
  clock: Clock,
  open: Pending[],
  found: Found,
  results: AppendResult[],
): Promise<Pending[]> {
  const now = clock();
  const left: Pending[] = [];
  const gone: Promise<void>[] = [];
  for (const [index, pending] of open.entries()) {
    const row = found[index];
    if (row && !hasExpired(row, now)) results[pending.at] = resultOf(pending.entry, row);
    else left.push(pending);
    if (row && hasExpired(row, now)) gone.push(removeExpired(at, row));
  }
  await Promise.all(gone);
  return left;
}

/** A row with the entry's own sequence is this very append, whose answer was lost on the way. */
function resultOf(entry: LedgerEntry, row: Row): AppendResult {
  if (textOf(row, 'sequence') === entry.sequence) return 'accepted';
  if (isTombstone(row)) return 'erased';
  return textOf(row, 'digest') === entry.digest ? 'duplicate' : 'conflict';
}

/** Removes an expired row first, since an overwrite would reach the stream as a change, where only inserts are routed. */
async function removeExpired({ client, table }: Table, row: Row): Promise<void> {
  try {
    await client.send(
      new DeleteItemCommand({
        TableName: table,
        Key: { key: { S: textOf(row, 'key') } },
        ConditionExpression: '#sequence = :sequence',
        ExpressionAttributeNames: { '#sequence': 'sequence' },
        ExpressionAttributeValues: { ':sequence': { S: textOf(row, 'sequence') } },
      }),
    );
  } catch (error) {
    // Somebody else removed or replaced it: the next try sees what is there.
    if (!(error instanceof ConditionalCheckFailedException) && !isTransient(error)) throw error;
  }
}
