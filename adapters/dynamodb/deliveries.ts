import { ConditionalCheckFailedException, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Clock, Deliveries } from '../../domain/ports.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import { getRows, hasExpired, putRows, type Row, type Table, textOf } from './batch.ts';
import { idsAround, removeOldest, replaceRow } from './delivery-erase.ts';
import { deliveryPage } from './delivery-list.ts';
import { deliveryOfRow, rowOfDelivery } from './delivery-row.ts';
import { SHARD_NUMBERS } from './shard.ts';
import { rowOfTally } from './tally-row.ts';

const DUE_PER_PAGE = 100;

/** The deliveries in DynamoDB. */
export function dynamoDeliveries(options: Table & { clock?: Clock }): Deliveries {
  const clock = options.clock ?? (() => new Date());
  return {
    async read(ids) {
      const found = await deliveriesWith(options, ids, clock());
      return ids.map((id) => found.get(id));
    },

    async write(deliveries, tallies = []) {
      const lastOfEach = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
      await putRows(options, [...[...lastOfEach.values()].map(rowOfDelivery), ...tallies.map(rowOfTally)]);
    },

    list: (subscription, query, page) => deliveryPage(options, clock(), subscription, query, page),

    async ofEvent(subscription, sequence) {
      const found = await deliveriesWith(options, await idsAround(options, subscription, sequence), clock());
      return [...found.values()].filter(({ event }) => event.sequence === sequence);
    },

    replace: (before, item) => replaceRow(options, before, item),

    removeBefore: (subscription, before, most) => removeOldest(options, subscription, before, most),

    async *due(now) {
      for (const shard of SHARD_NUMBERS) yield* dueOfLane(options, String(shard), now);
    },

    released: (id, dueAt) => released(options, id, dueAt),
  };
}

async function deliveriesWith(at: Table, ids: string[], now: Date): Promise<Map<string, Delivery>> {
  const rows = await getRows(
    at,
    [...new Set(ids)].map((id) => ({ id: { S: id } })),
  );
  const standing = rows.filter((row) => !hasExpired(row, now)).map(deliveryOfRow);
  return new Map(standing.map((delivery) => [delivery.id, delivery]));
}

async function* dueOfLane(at: Table, lane: string, now: Date): AsyncIterable<Delivery[]> {
  const until = now.toISOString();
  let next: Row | undefined;
  do {
    const answer = await at.client.send(
      new QueryCommand({
        TableName: at.table,
        IndexName: 'due',
        KeyConditionExpression: 'dueLane = :lane AND dueAt <= :now',
        ExpressionAttributeValues: { ':lane': { S: lane }, ':now': { S: until } },
        Limit: DUE_PER_PAGE,
        ...(next && { ExclusiveStartKey: next }),
      }),
    );
    // The index lags behind: only the delivery itself tells whether it is still due.
    const found = await deliveriesWith(
      at,
      (answer.Items ?? []).map((row) => textOf(row, 'id')),
      now,
    );
    const due = [...found.values()].filter(({ dueAt }) => dueAt !== undefined && dueAt <= until);
    if (due.length > 0) yield due.sort((a, b) => ((a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1));
    next = answer.LastEvaluatedKey;
  } while (next);
}

async function released({ client, table }: Table, id: string, dueAt: string): Promise<boolean> {
  try {
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { id: { S: id } },
        UpdateExpression: 'REMOVE dueAt, dueLane',
        ConditionExpression: 'dueAt = :dueAt',
        ExpressionAttributeValues: { ':dueAt': { S: dueAt } },
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
