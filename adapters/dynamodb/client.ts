import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { lean } from '../lean.ts';

/** The one way to make a DynamoDB client: region, credentials and endpoint are the SDK's own business. */
export const dynamoClient = (): DynamoDBClient =>
  lean(DynamoDBClient, {
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: 5_000,
      throwOnRequestTimeout: true,
      httpsAgent: { keepAlive: true, maxSockets: 32 },
      httpAgent: { keepAlive: true, maxSockets: 32 },
    },
  });
