import { ConditionalCheckFailedException, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Passage, Passages } from '../../domain/ports.ts';
import { getRows, type Table, textOf } from './batch.ts';

/** Nothing that is counted stands for longer than a batch or some minutes. */
const KEPT_SECONDS = 86_400;

/** The counts of requests in the deliveries' table, one row for each receiver that has to be counted. */
export function dynamoPassages(at: Table): Passages {
  const keyOf = (subscription: string) => ({ id: { S: `psg_${subscription}` } });
  return {
    async read(subscription) {
      const [row] = await getRows(at, [keyOf(subscription)]);
      // Safe: rows are written below only.
      return row && (JSON.parse(textOf(row, 'item')) as Passage);
    },

    async replace(subscription, before, after) {
      const expires = Math.floor(Date.now() / 1000) + KEPT_SECONDS;
      const Item = {
        ...keyOf(subscription),
        item: { S: JSON.stringify(after) },
        expires: { N: String(expires) },
      };
      const stillIs = before
        ? {
            ConditionExpression: '#item = :before',
            ExpressionAttributeNames: { '#item': 'item' },
            ExpressionAttributeValues: { ':before': { S: JSON.stringify(before) } },
          }
        : { ConditionExpression: 'attribute_not_exists(id)' };
      try {
        await at.client.send(new PutItemCommand({ TableName: at.table, Item, ...stillIs }));
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
  };
}
