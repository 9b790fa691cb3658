import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

const client = new DynamoDBClient({});

/** An empty handler with the SDK clients of `publish`. */
export const handler = (): Promise<unknown> => Promise.resolve({ statusCode: 202, body: typeof client });
