import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';

const clients = [new EventBridgeClient({}), new SQSClient({})];

/** An empty handler with the SDK clients of `route`. */
export const handler = (): Promise<unknown> => Promise.resolve(clients.length);
