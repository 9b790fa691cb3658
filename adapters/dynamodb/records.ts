import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { Clock, Noun, Nouns, Records, Ref } from '../../domain/ports.ts';
import type { PublishableType } from '../../schemas/dataset.ts';
import { getRows, hasExpired, type Row, type Table, textOf } from './batch.ts';
import { keyOf, publishablePartition } from './keys.ts';
import { itemOfRow } from './registry-row.ts';
import { writeTogether } from './write.ts';

/**
 * The registry without its lists, by the low-level client alone: ElectroDB would add 290 KB to each function of the
 * flow and 25 ms to its cold start, for keys that are two texts.
 */
export function dynamoRecords(options: Table & { clock?: Clock }): Records {
  const { client, table } = options;
  const clock = options.clock ?? (() => new Date());
  const standing = (row: Row | undefined): Row | undefined =>
    row && !hasExpired(row, clock()) ? row : undefined;
  const read = async <N extends Noun>(noun: N, id: string): Promise<Nouns[N] | undefined> => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: keyOf(noun, id), ConsistentRead: true }),
    );
    const row = standing(Item);
    return row && itemOfRow<N>(row);
  };
  return {
    read,

    async readAll<const R extends readonly Ref[]>(refs: R) {
      const keys = new Map(refs.map(({ noun, id }) => [`${noun}#${id}`, keyOf(noun, id)]));
      const rows = await getRows(options, [...keys.values()]);
      const found = new Map(rows.map((row) => [textOf(row, 'pk'), row]));
      // Safe: each item has the noun of the reference at its place.
      return refs.map(({ noun, id }) => {
        const row = standing(found.get(`${noun}#${id}`));
        return row && itemOfRow(row);
      }) as { -readonly [I in keyof R]: Nouns[R[I]['noun']] | undefined };
    },

    write: (changes) => writeTogether(options, clock, changes, (id) => read('dataset', id)),

    publishable: (provider) => publishableTypes(options, provider),
  };
}

async function publishableTypes({ client, table }: Table, provider: string): Promise<PublishableType[]> {
  const types: PublishableType[] = [];
  let next: Row | undefined;
  do {
    const answer = await client.send(
      new QueryCommand({
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :provider',
        ExpressionAttributeValues: { ':provider': { S: publishablePartition(provider) } },
        ...(next && { ExclusiveStartKey: next }),
      }),
    );
    // Safe: rows of this partition are written by `write.ts` only.
    for (const row of answer.Items ?? [])
      types.push(...(JSON.parse(textOf(row, 'item')) as PublishableType[]));
    next = answer.LastEvaluatedKey;
  } while (next);
  return types;
}
