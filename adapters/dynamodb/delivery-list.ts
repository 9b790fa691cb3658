import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { encodeTime } from 'ulid';
import type { Page, PageRequest } from '../../domain/ports.ts';
import type { Delivery, DeliveryStatus } from '../../schemas/delivery.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import { cursorAt, placeOf } from '../cursor.ts';
import { hasExpired, type Row, type Table, textOf } from './batch.ts';
import { deliveryOfRow, laneOf } from './delivery-row.ts';
import { SHARD_NUMBERS } from './shard.ts';

/** A rare status is looked for in so many rows of each lane at a time, and so often, before a page ends short. */
const ROWS_BEHIND_FILTER = 200;
const ROUNDS = 5;

/** What of a subscription's deliveries is looked at; ids are theirs, newest first. */
interface Range {
  subscription: string;
  status: DeliveryStatus | undefined;
  oldest: string;
}

/** A page of a subscription's deliveries, newest event first, merged out of its lanes. */
export async function deliveryPage(
  at: Table,
  now: Date,
  subscription: string,
  query: { status?: DeliveryStatus; since?: Date },
  { limit, cursor }: PageRequest,
): Promise<Page<Delivery>> {
  const name = `deliveries#${subscription}`;
  const { delivery: prefix } = ID_PREFIXES;
  const range = {
    subscription,
    status: query.status,
    oldest: query.since ? prefix + encodeTime(Math.max(0, query.since.getTime()), 10) : prefix,
  };
  const rows: Row[] = [];
  let before: string | undefined = cursor === undefined ? `${prefix}~` : placeOf(name, cursor);
  // Whatever a cursor says, DynamoDB refuses a range that ends before it begins.
  if (before < range.oldest) return { items: [], next: null };
  for (let round = 0; round < ROUNDS && before !== undefined && rows.length <= limit; round++) {
    const settled = await settledBefore(at, range, before, limit);
    rows.push(...settled.rows);
    before = settled.upTo;
  }
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1)?.['id']?.S : before;
  return {
    items: shown.filter((row) => !hasExpired(row, now)).map(deliveryOfRow),
    next: last === undefined ? null : cursorAt(name, last),
  };
}

/** The newest rows before a place, and how far down every lane has been looked at; undefined when to the end. */
async function settledBefore(
  at: Table,
  range: Range,
  before: string,
  limit: number,
): Promise<{ rows: Row[]; upTo: string | undefined }> {
  const lanes = await Promise.all(SHARD_NUMBERS.map((shard) => laneBefore(at, range, shard, before, limit)));
  const ends = lanes.flatMap(({ upTo }) => (upTo === undefined ? [] : [upTo]));
  const upTo = ends.length > 0 ? ends.reduce((highest, end) => (end > highest ? end : highest)) : undefined;
  const rows = lanes
    .flatMap((lane) => lane.rows)
    .map((row) => ({ row, id: textOf(row, 'id') }))
    .filter(({ id }) => id !== before && (upTo === undefined || id >= upTo))
    .sort((a, b) => (a.id > b.id ? -1 : 1));
  return { rows: rows.map(({ row }) => row), upTo };
}

async function laneBefore(
  { client, table }: Table,
  { subscription, status, oldest }: Range,
  shard: number,
  before: string,
  limit: number,
): Promise<{ rows: Row[]; upTo: string | undefined }> {
  const answer = await client.send(
    new QueryCommand({
      TableName: table,
      IndexName: 'listing',
      KeyConditionExpression: '#lane = :lane AND #id BETWEEN :oldest AND :before',
      ExpressionAttributeNames: { '#lane': 'lane', '#id': 'id', ...(status && { '#status': 'status' }) },
      ExpressionAttributeValues: {
        ':lane': { S: laneOf(subscription, shard) },
        ':oldest': { S: oldest },
        ':before': { S: before },
        ...(status && { ':status': { S: status } }),
      },
      ...(status && { FilterExpression: '#status = :status' }),
      ScanIndexForward: false,
      // Two more than asked for: BETWEEN includes the place before, and one tells whether the list ends.
      Limit: status ? Math.max(limit + 2, ROWS_BEHIND_FILTER) : limit + 2,
    }),
  );
  return { rows: answer.Items ?? [], upTo: answer.LastEvaluatedKey?.['id']?.S };
}
