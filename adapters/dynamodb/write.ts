import {
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Change, Clock } from '../../domain/ports.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { idOf, publishableOf } from '../listings.ts';
import type { Table } from './batch.ts';
import { keyOf, publishablePartition } from './keys.ts';
import { contentOf, etagOf, rowOfItem } from './registry-row.ts';
import { backoff, isTransient, maySendAgain, TRIES } from './retry.ts';

const MOST_CHANGES = 100;

/**
 * Writes changes, and what they change of the provider's publishable types, all or nothing; false when a condition
 * did not hold. Always as a transaction, even of one: the SDK sends a repeated one under the same token, so that an
 * answer lost on the way is not taken for a condition that failed.
 */
export async function writeTogether(
  at: Table,
  clock: Clock,
  changes: Change[],
  datasetById: (id: string) => Promise<Dataset | undefined>,
): Promise<boolean> {
  if (changes.length === 0) return true;
  const projected = await Promise.all(changes.map((change) => projectionOf(at.table, change, datasetById)));
  const TransactItems = [...changes.map((change) => writeOf(at.table, clock, change)), ...projected.flat()];
  if (TransactItems.length > MOST_CHANGES)
    throw new RangeError(`${TransactItems.length} changes are more than a transaction takes`);
  for (let tried = 0; tried < TRIES; tried++) {
    if (tried > 0) await backoff(tried);
    try {
      await at.client.send(new TransactWriteItemsCommand({ TransactItems }));
      return true;
    } catch (error) {
      if (conditionFailed(error)) return false;
      const reasons =
        error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : undefined;
      if (!(reasons ? maySendAgain(reasons) : isTransient(error))) throw error;
    }
  }
  throw new ProblemError('unavailable', 'The registry is too busy to be written', { retryAfter: 1 });
}

const conditionFailed = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).some(({ Code }) => Code === 'ConditionalCheckFailed');

function writeOf(TableName: string, clock: Clock, change: Change): TransactWriteItem {
  switch (change.do) {
    case 'create':
      return {
        Put: {
          TableName,
          Item: rowOfItem(change.noun, change.item),
          // What has expired counts as gone, though DynamoDB may keep it for days.
          ConditionExpression: 'attribute_not_exists(pk) OR expires <= :now',
          ExpressionAttributeValues: { ':now': { N: String(Math.floor(clock().getTime() / 1000)) } },
        },
      };
    case 'replace':
      return { Put: { TableName, Item: rowOfItem(change.noun, change.item), ...stillIs(change.before) } };
    case 'expect':
      return {
        ConditionCheck: {
          TableName,
          Key: keyOf(change.noun, idOf(change.noun, change.before)),
          ...stillIs(change.before),
        },
      };
    case 'remove':
      return { Delete: { TableName, Key: keyOf(change.noun, change.id) } };
  }
}

const stillIs = (
  before: object,
): { ConditionExpression: string; ExpressionAttributeValues: { ':etag': { S: string } } } => ({
  ConditionExpression: 'etag = :etag',
  ExpressionAttributeValues: { ':etag': { S: etagOf(contentOf(before)) } },
});

/** The row of a provider's partition that tells what may be published on a dataset; it changes with the dataset. */
async function projectionOf(
  TableName: string,
  change: Change,
  datasetById: (id: string) => Promise<Dataset | undefined>,
): Promise<TransactWriteItem[]> {
  if (change.noun !== 'dataset' || change.do === 'expect') return [];
  const dataset = change.do === 'remove' ? await datasetById(change.id) : change.item;
  if (!dataset) return [];
  const key = { pk: { S: publishablePartition(dataset.provider) }, sk: { S: dataset.id } };
  if (change.do === 'remove') return [{ Delete: { TableName, Key: key } }];
  return [{ Put: { TableName, Item: { ...key, item: { S: JSON.stringify(publishableOf(dataset)) } } } }];
}
