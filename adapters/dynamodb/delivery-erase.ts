import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { encodeTime } from 'ulid';
import type { Delivery } from '../../schemas/delivery.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import { type Row, type Table, textOf } from './batch.ts';
import { laneOf, rowOfDelivery } from './delivery-row.ts';
import { backoff, TRIES } from './retry.ts';
import { SHARD_NUMBERS } from './shard.ts';

const MOST_DELETES = 25;

/** The ids of a subscription's deliveries of events accepted in the same millisecond as one. */
export async function idsAround(at: Table, subscription: string, sequence: string): Promise<string[]> {
  const moment = ID_PREFIXES.delivery + sequence.slice(0, 10);
  const lanes = SHARD_NUMBERS.map((shard) => idsIn(at, laneOf(subscription, shard), moment, `${moment}~`));
  return (await Promise.all(lanes)).flat();
}

async function idsIn(at: Table, lane: string, from: string, to: string, most?: number): Promise<string[]> {
  const ids: string[] = [];
  let next: Row | undefined;
  do {
    const answer = await at.client.send(
      new QueryCommand({
        TableName: at.table,
        IndexName: 'listing',
        KeyConditionExpression: '#lane = :lane AND #id BETWEEN :from AND :to',
        ExpressionAttributeNames: { '#lane': 'lane', '#id': 'id' },
        ExpressionAttributeValues: { ':lane': { S: lane }, ':from': { S: from }, ':to': { S: to } },
        ProjectionExpression: '#id',
        ...(most !== undefined && { Limit: most }),
        ...(next && { ExclusiveStartKey: next }),
      }),
    );
    ids.push(...(answer.Items ?? []).map((row) => textOf(row, 'id')));
    next = answer.LastEvaluatedKey;
  } while (next && (most === undefined || ids.length < most));
  return ids;
}

/** Puts one delivery if its content is still what was read: when it is due stands beside that, and may move. */
export async function replaceRow(at: Table, before: Delivery, item: Delivery): Promise<boolean> {
  const { item: content } = rowOfDelivery(before);
  if (!content) throw new Error('a delivery has content');
  try {
    await at.client.send(
      new PutItemCommand({
        TableName: at.table,
        Item: rowOfDelivery(item),
        ConditionExpression: '#item = :before',
        ExpressionAttributeNames: { '#item': 'item' },
        ExpressionAttributeValues: { ':before': content },
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Deletes the oldest of a subscription's deliveries, at most so many, all of events accepted before an instant. */
export async function removeOldest(
  at: Table,
  subscription: string,
  before: Date,
  most: number,
): Promise<number> {
  const { delivery: prefix } = ID_PREFIXES;
  const end = prefix + encodeTime(Math.max(0, before.getTime()), 10);
  const lanes = SHARD_NUMBERS.map((shard) => idsIn(at, laneOf(subscription, shard), prefix, end, most));
  const ids = (await Promise.all(lanes)).flat().slice(0, most);
  for (let start = 0; start < ids.length; start += MOST_DELETES)
    await deleteRows(at, ids.slice(start, start + MOST_DELETES));
  return ids.length;
}

async function deleteRows({ client, table }: Table, ids: string[]): Promise<void> {
  let open = ids.map((id) => ({ DeleteRequest: { Key: { id: { S: id } } } }));
  for (let tried = 0; open.length > 0 && tried < TRIES; tried += 1) {
    if (tried > 0) await backoff(tried);
    const answer = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: open } }));
    open = (answer.UnprocessedItems?.[table] ?? []).flatMap(({ DeleteRequest }) =>
      DeleteRequest?.Key?.['id']?.S === undefined
        ? []
        : [{ DeleteRequest: { Key: { id: { S: DeleteRequest.Key['id'].S } } } }],
    );
  }
}
