import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  QueueNameExists,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { PullQueues, PullReference } from '../../domain/ports.ts';
import { inParallel, toBatches } from '../batches.ts';
import { sendAll } from './send-batches.ts';

const FOURTEEN_DAYS_SECONDS = 1_209_600;
const LONGEST_LEASE_SECONDS = 43_200;
const LEASE_BATCH = { items: 10, bytes: Number.POSITIVE_INFINITY };
const REQUESTS_AT_ONCE = 4;

/** The queues of pull destinations on SQS; a lease is a receipt handle, which says nothing to its holder. */
export function pullQueues({ client, prefix }: { client: SQSClient; prefix: string }): PullQueues {
  return {
    create: (subscription) => createQueue(client, `${prefix}${subscription}`),

    async remove(queue) {
      try {
        await client.send(new DeleteQueueCommand({ QueueUrl: queue }));
      } catch (error) {
        if (!(error instanceof QueueDoesNotExist)) throw error;
      }
    },

    async send(queue, references) {
      await sendAll(client, queue, references.map(toMessage));
    },

    async receive(queue, max, waitSeconds, leaseSeconds) {
      const answer = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queue,
          MaxNumberOfMessages: max,
          WaitTimeSeconds: waitSeconds,
          VisibilityTimeout: leaseSeconds,
          MessageSystemAttributeNames: ['SentTimestamp'],
        }),
      );
      return (answer.Messages ?? []).flatMap(({ ReceiptHandle, Body, Attributes }) => {
        const reference = readReference(Body ?? '');
        const sentAt = new Date(Number(Attributes?.SentTimestamp ?? 0));
        return ReceiptHandle && reference ? [{ lease: ReceiptHandle, reference, sentAt }] : [];
      });
    },

    ack: (queue, leases) =>
      forEachLease(leases, (Entries) =>
        client.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries })),
      ),

    async extend(queue, leases, seconds) {
      if (!Number.isInteger(seconds) || seconds < 0 || seconds > LONGEST_LEASE_SECONDS) {
        throw new RangeError(
          `A lease of ${seconds} s is not a whole number from 0 to ${LONGEST_LEASE_SECONDS}`,
        );
      }
      return forEachLease(leases, (entries) => {
        const Entries = entries.map((entry) => ({ ...entry, VisibilityTimeout: seconds }));
        return client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queue, Entries }));
      });
    },
  };
}

async function createQueue(client: SQSClient, name: string): Promise<string> {
  try {
    const Attributes = {
      MessageRetentionPeriod: String(FOURTEEN_DAYS_SECONDS),
      SqsManagedSseEnabled: 'true',
    };
    const made = await client.send(new CreateQueueCommand({ QueueName: name, Attributes }));
    if (made.QueueUrl) return made.QueueUrl;
  } catch (error) {
    // Somebody gave it other attributes: it is there, which is what was asked.
    if (!(error instanceof QueueNameExists)) throw error;
  }
  const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name }));
  if (!QueueUrl) throw new Error(`Queue ${name} has no URL`);
  return QueueUrl;
}

const toMessage = ({ delivery, key, sequence, replay }: PullReference) => ({
  MessageBody: JSON.stringify({ delivery, key, sequence, replay }),
});

function readReference(body: string): PullReference | undefined {
  try {
    const { delivery, key, sequence, replay } = JSON.parse(body) as Record<string, unknown>;
    if (typeof delivery !== 'string' || typeof key !== 'string' || typeof sequence !== 'string')
      return undefined;
    return { delivery, key, sequence, ...(typeof replay === 'string' && { replay }) };
  } catch {
    return undefined;
  }
}

interface LeaseEntry {
  Id: string;
  ReceiptHandle: string;
}

/** Ten leases a request. What cannot be a receipt handle is not sent: SQS would refuse the whole request for it. */
async function forEachLease(
  leases: string[],
  send: (entries: LeaseEntry[]) => Promise<{ Successful?: { Id: string | undefined }[] | undefined }>,
): Promise<boolean[]> {
  const stood = leases.map(() => false);
  const entries = leases.flatMap((ReceiptHandle, index) =>
    /^[\x21-\x7e]{1,2048}$/.test(ReceiptHandle) ? [{ Id: String(index), ReceiptHandle }] : [],
  );
  await inParallel(
    REQUESTS_AT_ONCE,
    toBatches(entries, LEASE_BATCH, () => 0),
    async (batch) => {
      const answer = await send(batch);
      for (const { Id } of answer.Successful ?? []) stood[Number(Id)] = true;
    },
  );
  return stood;
}
