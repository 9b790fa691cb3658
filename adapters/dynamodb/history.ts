import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { encodeTime } from 'ulid';
import { type Row, type Table, textOf } from './batch.ts';
import { bucketOf, dayOf } from './ledger-row.ts';
import { SHARD_NUMBERS } from './shard.ts';

const ROWS_PER_QUERY = 500;
const DAY = 86_400_000;
const NAMES = { '#bucket': 'bucket', '#sequence': 'sequence' };

/** An event's place in the ledger. */
export interface Place {
  key: string;
  sequence: string;
}

/** Walks the ledger's time index from `from` (inclusive) to `to` (exclusive), oldest first, a bounded page at a time. */
export async function* history(at: Table, dataset: string, from: Date, to: Date): AsyncIterable<Place[]> {
  const end = to.getTime();
  for (let start = Math.max(0, from.getTime()); start < end; start = (Math.floor(start / DAY) + 1) * DAY) {
    // BETWEEN includes its ends: the last ULID before `end` is the greatest of the millisecond before.
    const range = { first: encodeTime(start, 10), last: `${encodeTime(end - 1, 10)}${'Z'.repeat(16)}` };
    const day = dayOf(start);
    yield* merged(SHARD_NUMBERS.map((shard) => placesOf(at, bucketOf(dataset, day, shard), range)));
  }
}

async function* placesOf(
  { client, table }: Table,
  bucket: string,
  range: { first: string; last: string },
): AsyncGenerator<Place[], void> {
  let next: Row | undefined;
  do {
    const answer = await client.send(
      new QueryCommand({
        TableName: table,
        IndexName: 'time',
        KeyConditionExpression: '#bucket = :bucket AND #sequence BETWEEN :first AND :last',
        ExpressionAttributeNames: NAMES,
        ExpressionAttributeValues: {
          ':bucket': { S: bucket },
          ':first': { S: range.first },
          ':last': { S: range.last },
        },
        Limit: ROWS_PER_QUERY,
        ...(next && { ExclusiveStartKey: next }),
      }),
    );
    yield (answer.Items ?? []).map((row) => ({ key: textOf(row, 'key'), sequence: textOf(row, 'sequence') }));
    next = answer.LastEvaluatedKey;
  } while (next);
}

/** Merges shards, each sorted, into one sorted walk: what lies behind the slowest shard's last place is settled. */
async function* merged(shards: AsyncGenerator<Place[], void>[]): AsyncIterable<Place[]> {
  let held: Place[] = [];
  let open = shards.map((pages) => ({ pages, upTo: '' }));
  while (open.length > 0) {
    const settled = lowest(open);
    const read = await Promise.all(
      open.map(async (shard) => {
        // A shard that is ahead of the slowest waits, so that no more than a page of each is held.
        if (shard.upTo > settled) return shard;
        const { value, done } = await shard.pages.next();
        if (done) return undefined;
        held.push(...value);
        return { ...shard, upTo: value.at(-1)?.sequence ?? shard.upTo };
      }),
    );
    open = read.filter((shard) => shard !== undefined);
    const limit = open.length > 0 ? lowest(open) : undefined;
    const page = held.filter(({ sequence }) => limit === undefined || sequence <= limit);
    held = held.filter(({ sequence }) => limit !== undefined && sequence > limit);
    if (page.length > 0) yield page.sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  }
}

const lowest = (shards: { upTo: string }[]): string =>
  shards.reduce((low, { upTo }) => (upTo < low ? upTo : low), 'Z'.repeat(26));
