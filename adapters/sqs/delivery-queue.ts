import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DeliveryMessage, DeliveryQueue } from '../../domain/ports.ts';
import { checkDelay } from '../delay.ts';
import { sendAll, toBody } from './send-batches.ts';

/** The delivery queue on SQS: the subscription is the message group, by which a standard queue is fair. */
export function deliveryQueue({ client, queueUrl }: { client: SQSClient; queueUrl: string }): DeliveryQueue {
  return {
    async send(messages) {
      for (const { delaySeconds } of messages) checkDelay(delaySeconds);
      await sendAll(
        client,
        queueUrl,
        messages.map(({ message, delaySeconds }) => ({
          MessageBody: toBody(message),
          MessageGroupId: message.subscription.id,
          DelaySeconds: delaySeconds,
        })),
      );
    },
  };
}

/** A message that was taken and is held, by its receipt handle, and after how many seconds it is to come again. */
export interface HeldMessage {
  receipt: string;
  seconds: number;
}

/**
 * Lets up to ten held messages come again sooner than their visibility timeout says, which has to outlast the longest
 * invocation. What is not taken comes again all the same, later.
 */
export const comingAgain =
  ({ client, queueUrl }: { client: SQSClient; queueUrl: string }) =>
  async (held: HeldMessage[]): Promise<void> => {
    if (held.length === 0) return;
    const Entries = held.map(({ receipt, seconds }, index) => ({
      Id: String(index),
      ReceiptHandle: receipt,
      VisibilityTimeout: seconds,
    }));
    await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
  };

/** The delivery message in the body of an SQS message, or undefined when it is none. */
export function readDeliveryMessage(body: string): DeliveryMessage | undefined {
  const message = parseJson(body);
  if (!isRecord(message) || !isRecord(message['event'])) return undefined;
  const { subscription, event, again, replay, redriven } = message;
  if (!hasStrings(subscription, SUBSCRIPTION_KEYS) || !hasStrings(event, EVENT_KEYS)) return undefined;
  if ('event' in event && !isRouted(event)) return undefined;
  if (again !== undefined && !isAgain(again)) return undefined;
  if (replay !== undefined && typeof replay !== 'string') return undefined;
  if (redriven !== undefined && !Number.isInteger(redriven)) return undefined;
  // Safe: every member that the type has was checked above; the event itself was checked before it was accepted.
  return message as unknown as DeliveryMessage;
}

const SUBSCRIPTION_KEYS = ['id', 'contract', 'dataset', 'provider', 'consumer'];
const EVENT_KEYS = ['key', 'sequence'];
const CLOUD_EVENT_KEYS = ['specversion', 'id', 'source', 'type'];

type JsonRecord = Record<string, unknown>;

const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const hasStrings = (value: unknown, keys: string[]): value is JsonRecord =>
  isRecord(value) && keys.every((key) => typeof value[key] === 'string');

const isRouted = (event: JsonRecord): boolean =>
  hasStrings(event['event'], CLOUD_EVENT_KEYS) &&
  typeof event['dataset'] === 'string' &&
  Number.isInteger(event['schemaVersion']);

const isAgain = (again: unknown): boolean =>
  hasStrings(again, ['delivery']) && Number.isInteger(again['attempts']);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
