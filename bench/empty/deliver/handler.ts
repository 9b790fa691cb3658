import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';

const clients = [new DynamoDBClient({}), new SQSClient({}), new SSMClient({})];

/** An empty handler with the SDK clients of `deliver`. */
export const handler = (): Promise<unknown> => Promise.resolve(clients.length);
