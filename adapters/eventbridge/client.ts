import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { lean } from '../lean.ts';
import { callQuickly, type QuickService } from '../quick-calls.ts';

/** What the flow does to EventBridge; an entry with a `Time` would not be its own JSON, and none has one. */
const QUICK: QuickService = {
  service: 'events',
  target: 'AWSEvents',
  contentType: 'application/x-amz-json-1.1',
  operations: new Set(['PutEvents']),
};

/** An EventBridge client for the function that routes. */
export function quickEventBridge(): EventBridgeClient {
  const client = lean(EventBridgeClient, {});
  callQuickly(client, QUICK);
  return client;
}
