import type { Delivery } from '../../schemas/delivery.ts';
import { type Row, textOf } from './batch.ts';
import { shardOf } from './shard.ts';

/** One of a subscription's four lanes: a partition of the listing index, and of what waits in the due index. */
export const laneOf = (subscription: string, shard: number): string => `${subscription}#${shard}`;

/** The partition of the due index: the clock's own, or of what waits for one subscription's endpoint. */
const dueLaneOf = (
  { subscription, status }: Pick<Delivery, 'subscription' | 'status'>,
  shard: number,
): string => (status === 'waiting' ? laneOf(subscription, shard) : String(shard));

/** A delivery as a row. When it is due stands beside its content, so that it can be taken away by itself. */
export function rowOfDelivery({ dueAt, ...content }: Delivery): Row {
  const { id, subscription, status, expires } = content;
  const shard = shardOf(id);
  return {
    id: { S: id },
    lane: { S: laneOf(subscription, shard) },
    status: { S: status },
    item: { S: JSON.stringify(content) },
    expires: { N: String(expires) },
    ...(dueAt !== undefined && { dueAt: { S: dueAt }, dueLane: { S: dueLaneOf(content, shard) } }),
  };
}

/** The delivery of a row. Safe to cast: rows are written by `rowOfDelivery` only. */
export function deliveryOfRow(row: Row): Delivery {
  const dueAt = row['dueAt']?.S;
  return {
    ...(JSON.parse(textOf(row, 'item')) as Omit<Delivery, 'dueAt'>),
    ...(dueAt !== undefined && { dueAt }),
  };
}
