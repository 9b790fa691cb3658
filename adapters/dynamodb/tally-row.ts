import type { Tally } from '../../schemas/usage.ts';
import { numberOf, type Row, textOf } from './batch.ts';
import { laneOf } from './delivery-row.ts';
import { shardOf } from './shard.ts';

const EXPIRES_AFTER_SECONDS = 400 * 86_400;

/** The partition of the due index in which a shard's tallies wait to be folded. */
export const tallyLane = (shard: number): string => `tally#${shard}`;

/** A tally as a row of the deliveries' table: listed by its contract, due to be folded. */
export function rowOfTally({ id, contract, day, events, bytes, charge, at }: Tally): Row {
  const shard = shardOf(id);
  return {
    id: { S: id },
    lane: { S: laneOf(contract, shard) },
    dueLane: { S: tallyLane(shard) },
    dueAt: { S: new Date(at).toISOString() },
    contract: { S: contract },
    day: { S: day },
    events: { N: String(events) },
    bytes: { N: String(bytes) },
    charge: { N: String(charge) },
    expires: { N: String(Math.floor(at / 1000) + EXPIRES_AFTER_SECONDS) },
  };
}

/** The tally of a row. */
export const tallyOfRow = (row: Row): Tally => ({
  id: textOf(row, 'id'),
  contract: textOf(row, 'contract'),
  day: textOf(row, 'day'),
  events: numberOf(row, 'events') ?? 0,
  bytes: numberOf(row, 'bytes') ?? 0,
  charge: numberOf(row, 'charge') ?? 0,
  at: Date.parse(textOf(row, 'dueAt')),
});
