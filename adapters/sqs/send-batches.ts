import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { Buffer } from 'node:buffer';
import { inParallel, toBatches } from '../batches.ts';

/** What one SendMessageBatch may hold: 10 messages, 1 MiB of bodies in all (API reference; 256 KiB until August 2025). */
export const SEND_LIMITS = { items: 10, bytes: 1_048_576 };

const REQUESTS_AT_ONCE = 4;

/** A message before it has its place in a batch. */
export type QueueMessage = Omit<SendMessageBatchRequestEntry, 'Id' | 'MessageBody'> & { MessageBody: string };

/** Sends all messages in as few requests as SQS allows; throws, with the reasons, unless it took each of them. */
export async function sendAll(client: SQSClient, queueUrl: string, messages: QueueMessage[]): Promise<void> {
  const batches = toBatches(messages, SEND_LIMITS, ({ MessageBody }) => Buffer.byteLength(MessageBody));
  await inParallel(REQUESTS_AT_ONCE, batches, async (batch) => {
    const Entries = batch.map((message, at) => ({ ...message, Id: String(at) }));
    const answer = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    const missing = batch.length - (answer.Successful?.length ?? 0);
    if (missing === 0) return;
    const codes = new Set(answer.Failed?.map(({ Code }) => Code));
    throw new Error(
      `SQS did not take ${missing} of ${batch.length} messages: ${[...codes].join(', ') || 'no reason given'}`,
    );
  });
}

/**
 * JSON as a message body. U+FFFE and U+FFFF are escaped: SQS refuses a message that holds them, as it does all of
 * XML 1.0's excluded characters; JSON escapes the others itself.
 */
export function toBody(value: unknown): string {
  const json = JSON.stringify(value);
  return /[\ufffe\uffff]/.test(json)
    ? json.replace(/[\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`)
    : json;
}
