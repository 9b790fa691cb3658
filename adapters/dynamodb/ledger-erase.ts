import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Row, Table } from './batch.ts';
import type { Place } from './history.ts';

/** Whether an event was erased: its row has no body any more. */
export const isTombstone = (row: Row): boolean => row['body'] === undefined;

/** Takes the body of an event away; content when that was done, or another event has taken its key. */
export async function eraseRow(at: Table, key: string, sequence: string): Promise<void> {
  await unlessMoved(
    at.client.send(
      new UpdateItemCommand({
        TableName: at.table,
        Key: { key: { S: key } },
        UpdateExpression: 'REMOVE body',
        ...ifStill(sequence),
      }),
    ),
  );
}

/** Deletes an entry and answers what it was; undefined when there is another one by now, or none. */
export async function removeRow(at: Table, { key, sequence }: Place): Promise<Row | undefined> {
  const answer = await unlessMoved(
    at.client.send(
      new DeleteItemCommand({
        TableName: at.table,
        Key: { key: { S: key } },
        ReturnValues: 'ALL_OLD',
        ...ifStill(sequence),
      }),
    ),
  );
  return answer && (answer.Attributes ?? {});
}

const ifStill = (sequence: string) => ({
  ConditionExpression: '#sequence = :sequence',
  ExpressionAttributeNames: { '#sequence': 'sequence' },
  ExpressionAttributeValues: { ':sequence': { S: sequence } },
});

async function unlessMoved<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}
