import {
  QueryCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Usage } from '../../domain/ports.ts';
import type { DayFigures, Tally } from '../../schemas/usage.ts';
import { daysFrom, sumByDay } from '../tallies.ts';
import { toBatches } from '../batches.ts';
import { getRows, numberOf, type Row, type Table, textOf } from './batch.ts';
import { laneOf } from './delivery-row.ts';
import { isTransient, maySendAgain } from './retry.ts';
import { SHARD_NUMBERS } from './shard.ts';
import { tallyLane, tallyOfRow } from './tally-row.ts';

/** One update of the total and the removal of so many tallies are one transaction of at most 100 items. */
const TALLIES_PER_FOLD = 99;
const ROUNDS = 5;
const FOLD_AFTER_MS = 60_000;

/** What contracts gave, in the deliveries' table: totals of days, and the tallies that are not folded yet. */
export function dynamoUsage(at: Table): Usage {
  return {
    days: (contract, from, to) => daysOf(at, contract, daysFrom(from, to)),

    async fold(now) {
      let count = 0;
      for (const shard of SHARD_NUMBERS) count += await foldLane(at, tallyLane(shard), now);
      return count;
    },
  };
}

const totalId = (contract: string, day: string): string => `use_${contract}_${day}`;

/** Read again when something was folded meanwhile: the same tally is never missed, and never counted twice. */
async function daysOf(at: Table, contract: string, days: string[]): Promise<DayFigures[]> {
  for (let round = 1; ; round++) {
    const before = await totalsOf(at, contract, days);
    const tallies = await talliesOf(at, contract);
    const after = tallies.length === 0 && round === 1 ? before : await totalsOf(at, contract, days);
    if (round === ROUNDS || foldsOf(before) === foldsOf(after)) {
      const wanted = new Set(days);
      const open = tallies.filter(({ day }) => wanted.has(day));
      return sumByDay([...after.map((row) => ({ day: textOf(row, 'day'), ...figuresOf(row) })), ...open]);
    }
  }
}

const totalsOf = (at: Table, contract: string, days: string[]): Promise<Row[]> =>
  getRows(
    at,
    days.map((day) => ({ id: { S: totalId(contract, day) } })),
  );

const foldsOf = (rows: Row[]): number => rows.reduce((sum, row) => sum + (numberOf(row, 'folds') ?? 0), 0);

const figuresOf = (row: Row) => ({
  events: numberOf(row, 'events') ?? 0,
  bytes: numberOf(row, 'bytes') ?? 0,
  charge: numberOf(row, 'charge') ?? 0,
});

async function talliesOf(at: Table, contract: string): Promise<Tally[]> {
  const lanes = await Promise.all(
    SHARD_NUMBERS.map((shard) => idsOf(at, 'listing', 'lane', laneOf(contract, shard))),
  );
  // The index lags behind: only the rows themselves tell what is not folded yet.
  const rows = await getRows(
    at,
    lanes.flat().map((id) => ({ id: { S: id } })),
  );
  return rows.map(tallyOfRow);
}

async function idsOf(
  { client, table }: Table,
  index: 'listing' | 'due',
  partition: string,
  lane: string,
  until?: string,
): Promise<string[]> {
  const ids: string[] = [];
  let next: Row | undefined;
  do {
    const answer = await client.send(
      new QueryCommand({
        TableName: table,
        IndexName: index,
        KeyConditionExpression: `#lane = :lane${until === undefined ? '' : ' AND dueAt <= :until'}`,
        ExpressionAttributeNames: { '#lane': partition },
        ExpressionAttributeValues: { ':lane': { S: lane }, ...(until && { ':until': { S: until } }) },
        ...(next && { ExclusiveStartKey: next }),
      }),
    );
    ids.push(...(answer.Items ?? []).map((row) => textOf(row, 'id')));
    next = answer.LastEvaluatedKey;
  } while (next);
  return ids;
}

async function foldLane(at: Table, lane: string, now: Date): Promise<number> {
  const until = new Date(now.getTime() - FOLD_AFTER_MS).toISOString();
  const ids = await idsOf(at, 'due', 'dueLane', lane, until);
  let count = 0;
  for (const chunk of toBatches(ids, { items: 1000, bytes: Infinity }, () => 0)) {
    const rows = await getRows(
      at,
      chunk.map((id) => ({ id: { S: id } })),
    );
    const byDay = Map.groupBy(rows.map(tallyOfRow), ({ contract, day }) => totalId(contract, day));
    for (const tallies of byDay.values()) {
      const parts = toBatches(tallies, { items: TALLIES_PER_FOLD, bytes: Infinity }, () => 0);
      for (const part of parts) count += await foldTogether(at, part);
    }
  }
  return count;
}

/** Moves tallies of one day into its total, all or nothing; none when another fold was faster. */
async function foldTogether({ client, table: TableName }: Table, tallies: Tally[]): Promise<number> {
  const [sum] = sumByDay(tallies);
  const [first] = tallies;
  if (!sum || !first) return 0;
  const total = {
    Update: {
      TableName,
      Key: { id: { S: totalId(first.contract, first.day) } },
      UpdateExpression:
        'SET contract = :contract, #day = :day ADD events :events, #bytes :bytes, charge :charge, folds :one',
      ExpressionAttributeNames: { '#day': 'day', '#bytes': 'bytes' },
      ExpressionAttributeValues: {
        ':contract': { S: first.contract },
        ':day': { S: first.day },
        ':events': { N: String(sum.events) },
        ':bytes': { N: String(sum.bytes) },
        ':charge': { N: String(sum.charge) },
        ':one': { N: '1' },
      },
    },
  };
  const gone = tallies.map(({ id }): TransactWriteItem => ({
    Delete: { TableName, Key: { id: { S: id } }, ConditionExpression: 'attribute_exists(id)' },
  }));
  try {
    await client.send(new TransactWriteItemsCommand({ TransactItems: [total, ...gone] }));
    return tallies.length;
  } catch (error) {
    // The next fold sees what is there.
    const again =
      error instanceof TransactionCanceledException && maySendAgain(error.CancellationReasons ?? []);
    if (again || isTransient(error)) return 0;
    throw error;
  }
}
