import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Quotas } from '../../domain/ports.ts';
import type { QuotaPeriod } from '../../schemas/usage.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { getRows, numberOf, type Row, type Table, textOf } from './batch.ts';
import { backoff, isTransient, TRIES } from './retry.ts';
import { SHARD_NUMBERS, SHARDS } from './shard.ts';

/** Below this limit one counter serves: its own limit keeps it cool. */
const SPREAD_FROM = 4000;
const KEPT_AFTER_SECONDS = 40 * 86_400;

/**
 * The quotas in the deliveries' table: four counters for each contract and period, each with its share of the limit, so
 * that none is a hot key and all together never give more than the limit. A limit that changes within a period is
 * shared out anew, with what is taken already.
 */
export function dynamoQuotas(at: Table): Quotas {
  return {
    async take(period, count) {
      let got = 0;
      const first = Math.floor(Math.random() * SHARDS);
      for (const shard of SHARD_NUMBERS) {
        if (got >= count) break;
        got += await takeFrom(at, period, (first + shard) % SHARDS, count - got);
      }
      return got;
    },

    async giveBack(period, count) {
      let left = count;
      const counters = await countersOf(at, period);
      for (const [shard, row] of counters) {
        const back = Math.min(left, numberOf(row, 'taken') ?? 0);
        if (back > 0 && (await add(at, period, shard, -back)) === 'done') left -= back;
      }
    },

    async taken(period) {
      return takenOf(await countersOf(at, period));
    },
  };
}

const idOf = ({ contract, period }: Pick<QuotaPeriod, 'contract' | 'period'>, shard: number): string =>
  `quo_${contract}_${period}_${shard}`;

/** What of a limit a counter may give. */
function shareOf(limit: number, shard: number): number {
  if (limit < SPREAD_FROM) return shard === 0 ? limit : 0;
  return Math.floor(limit / SHARDS) + (shard < limit % SHARDS ? 1 : 0);
}

async function takeFrom(at: Table, period: QuotaPeriod, shard: number, count: number): Promise<number> {
  const share = shareOf(period.limit, shard);
  let wanted = Math.min(count, share);
  for (let tried = 0; wanted > 0 && tried < TRIES; tried++) {
    const answer = await add(at, period, shard, wanted);
    if (answer === 'done') return wanted;
    if (answer && numberOf(answer, 'limit') === period.limit) {
      wanted = Math.min(wanted, share - (numberOf(answer, 'taken') ?? 0));
    } else {
      if (tried > 0) await backoff(tried);
      await shareOut(at, period);
    }
  }
  return 0;
}

/** Adds to a counter if it then stays within its share; answers what stood in the way, undefined where nothing is. */
async function add(
  { client, table }: Table,
  period: QuotaPeriod,
  shard: number,
  count: number,
): Promise<'done' | Row | undefined> {
  try {
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { id: { S: idOf(period, shard) } },
        UpdateExpression: 'ADD taken :count',
        // Gives back down to nothing, and takes up to the share.
        ConditionExpression: '#limit = :limit AND taken BETWEEN :least AND :most',
        ExpressionAttributeNames: { '#limit': 'limit' },
        ExpressionAttributeValues: {
          ':count': { N: String(count) },
          ':limit': { N: String(period.limit) },
          ':least': { N: String(Math.max(0, -count)) },
          ':most': { N: String(count > 0 ? shareOf(period.limit, shard) - count : Number.MAX_SAFE_INTEGER) },
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    return 'done';
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return error.Item;
    throw error;
  }
}

async function countersOf(
  at: Table,
  period: Pick<QuotaPeriod, 'contract' | 'period'>,
): Promise<Map<number, Row>> {
  const rows = await getRows(
    at,
    SHARD_NUMBERS.map((shard) => ({ id: { S: idOf(period, shard) } })),
  );
  return new Map(rows.map((row) => [Number(textOf(row, 'id').at(-1)), row]));
}

const takenOf = (counters: Map<number, Row>): number =>
  [...counters.values()].reduce((sum, row) => sum + (numberOf(row, 'taken') ?? 0), 0);

/** Begins a period's counters, or shares a changed limit out with all that is taken; whoever is first wins. */
async function shareOut({ client, table }: Table, period: QuotaPeriod): Promise<void> {
  const before = await countersOf({ client, table }, period);
  if (before.size === SHARDS && [...before.values()].every((row) => numberOf(row, 'limit') === period.limit))
    return;
  let rest = takenOf(before);
  const puts = SHARD_NUMBERS.map((shard) => {
    // The last counter carries what is more than the new limit: it then gives nothing, as the others.
    const taken = shard === SHARDS - 1 ? rest : Math.min(rest, shareOf(period.limit, shard));
    rest -= taken;
    return {
      Put: { TableName: table, Item: counterOf(period, shard, taken), ...stillIs(before.get(shard)) },
    };
  });
  try {
    await client.send(new TransactWriteItemsCommand({ TransactItems: puts }));
  } catch (error) {
    // Somebody else was faster: the caller looks again.
    if (error instanceof TransactionCanceledException || isTransient(error)) return;
    throw new ProblemError('unavailable', 'The counters of a quota cannot be kept', { retryAfter: 1 });
  }
}

const counterOf = (period: QuotaPeriod, shard: number, taken: number): Row => ({
  id: { S: idOf(period, shard) },
  taken: { N: String(taken) },
  limit: { N: String(period.limit) },
  expires: { N: String(Math.floor(period.ends.getTime() / 1000) + KEPT_AFTER_SECONDS) },
});

const stillIs = (before: Row | undefined) =>
  before
    ? {
        ConditionExpression: '#limit = :limit AND taken = :taken',
        ExpressionAttributeNames: { '#limit': 'limit' },
        ExpressionAttributeValues: {
          ':limit': { N: String(numberOf(before, 'limit')) },
          ':taken': { N: String(numberOf(before, 'taken')) },
        },
      }
    : { ConditionExpression: 'attribute_not_exists(id)' };
