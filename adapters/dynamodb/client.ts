import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { lean } from '../lean.ts';
import { callQuickly, type QuickService } from '../quick-calls.ts';

/** What the flow does to DynamoDB. Rows hold texts and numbers only, which are the same in the SDK and on the wire. */
const QUICK: QuickService = {
  service: 'dynamodb',
  target: 'DynamoDB_20120810',
  contentType: 'application/x-amz-json-1.0',
  operations: new Set([
    'GetItem',
    'BatchGetItem',
    'Query',
    'PutItem',
    'UpdateItem',
    'BatchWriteItem',
    'TransactWriteItems',
  ]),
  tokens: { TransactWriteItems: 'ClientRequestToken' },
  refusals: { ConditionalCheckFailedException, TransactionCanceledException },
};

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

/** The same for the functions of the flow. Not for lists: their library hands the SDK what is not JSON of DynamoDB yet. */
export function quickDynamoClient(): DynamoDBClient {
  const client = dynamoClient();
  callQuickly(client, QUICK);
  return client;
}
