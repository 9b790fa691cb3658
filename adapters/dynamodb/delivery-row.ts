import type { Delivery } from '../../schemas/delivery.ts';
import { type Row, textOf } from './batch.ts';
import { shardOf } from './shard.ts';

/** The partition of the listing index: one of a subscription's four lanes. */
export const laneOf = (subscription: string, shard: number): string => `${subscription}#${shard}`;

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
    ...(dueAt !== undefined && { dueAt: { S: dueAt }, dueLane: { S: String(shard) } }),
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
