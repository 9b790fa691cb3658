import { ConditionalCheckFailedException, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Clock, Deliveries } from '../../domain/ports.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import { getRows, hasExpired, putRows, type Row, type Table, textOf } from './batch.ts';
import { idsAround, removeOldest, replaceRow } from './delivery-erase.ts';
import { deliveryPage } from './delivery-list.ts';
import { deliveryOfRow, laneOf, rowOfDelivery } from './delivery-row.ts';
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
      // By turns, so that a long lane does not hold up the others where its reader has no time for all.
      let lanes = SHARD_NUMBERS.map((shard) => dueOfLane(options, String(shard), now));
      while (lanes.length > 0) {
        const open: typeof lanes = [];
        for (const lane of lanes) {
          const page = await lane.next();
          if (page.done) continue;
          yield page.value;
          open.push(lane);
        }
        lanes = open;
      }
    },

    waiting: (subscription, most) => waitingFor(options, subscription, most, clock()),

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

async function* dueOfLane(at: Table, lane: string, now: Date): AsyncGenerator<Delivery[]> {
  const until = now.toISOString();
  let next: Row | undefined;
  do {
    const page = await duePage(at, lane, { until, limit: DUE_PER_PAGE, next });
    // The index lags behind: only the delivery itself tells whether it is still due.
    const found = await deliveriesWith(at, page.ids, now);
    const due = [...found.values()].filter(({ dueAt }) => dueAt !== undefined && dueAt <= until);
    if (due.length > 0) yield due.sort(byDueDate);
    next = page.next;
  } while (next);
}

/** Behind what has expired so many are looked at in one call. */
const LOOKED_AT_ONCE = 100;

/** What has expired counts as gone, and stands in the index until DynamoDB deletes it: it must not hide what is behind. */
async function waitingFor(at: Table, subscription: string, most: number, now: Date): Promise<Delivery[]> {
  const lanes = SHARD_NUMBERS.map((shard) =>
    placesOfLane(at, laneOf(subscription, shard), Math.max(most, LOOKED_AT_ONCE)),
  );
  const found: Delivery[] = [];
  let ids: string[] = [];
  let portion = most;
  const look = async (): Promise<void> => {
    for (const delivery of (await deliveriesWith(at, ids, now)).values())
      if (delivery.status === 'waiting' && delivery.dueAt !== undefined) found.push(delivery);
    ids = [];
  };
  for await (const { id } of oldestFirst(lanes)) {
    ids.push(id);
    if (ids.length < portion) continue;
    await look();
    if (found.length >= most) break;
    portion = LOOKED_AT_ONCE;
  }
  await look();
  return found.sort(byDueDate).slice(0, most);
}

/** A place in the due index. */
interface DuePlace {
  id: string;
  dueAt: string;
}

/** Several lanes as one, the oldest first; of each lane no more is read than is taken. */
async function* oldestFirst(lanes: AsyncGenerator<DuePlace>[]): AsyncGenerator<DuePlace> {
  const heads = await Promise.all(lanes.map(async (lane) => ({ lane, head: await lane.next() })));
  for (;;) {
    const [oldest] = heads
      .flatMap((one) => (one.head.done ? [] : [{ one, place: one.head.value }]))
      .sort((a, b) => byDueDate(a.place, b.place));
    if (!oldest) return;
    yield oldest.place;
    oldest.one.head = await oldest.one.lane.next();
  }
}

async function* placesOfLane(at: Table, lane: string, limit: number): AsyncGenerator<DuePlace> {
  let next: Row | undefined;
  do {
    const page = await duePage(at, lane, { until: '~', limit, next });
    for (const row of page.rows) yield { id: textOf(row, 'id'), dueAt: textOf(row, 'dueAt') };
    next = page.next;
  } while (next);
}

async function duePage(
  at: Table,
  lane: string,
  { until, limit, next }: { until: string; limit: number; next: Row | undefined },
): Promise<{ rows: Row[]; ids: string[]; next: Row | undefined }> {
  const { Items = [], LastEvaluatedKey } = await at.client.send(
    new QueryCommand({
      TableName: at.table,
      IndexName: 'due',
      KeyConditionExpression: 'dueLane = :lane AND dueAt <= :until',
      ExpressionAttributeValues: { ':lane': { S: lane }, ':until': { S: until } },
      Limit: limit,
      ...(next && { ExclusiveStartKey: next }),
    }),
  );
  return { rows: Items, ids: Items.map((row) => textOf(row, 'id')), next: LastEvaluatedKey };
}

const byDueDate = (a: { dueAt?: string | undefined }, b: { dueAt?: string | undefined }): number =>
  (a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1;

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
