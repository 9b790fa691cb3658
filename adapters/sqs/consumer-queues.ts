import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SendMessageBatchResult,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { Buffer } from 'node:buffer';
import type { HandedParcel, HandoverAnswer, Parcel } from '../../domain/ports.ts';
import { STRUCTURED } from '../../events/http-binding.ts';
import { partsOf } from '../../schemas/arn-parts.ts';
import { inParallel, toBatches } from '../batches.ts';
import { errorOf, type HandOverTo, notTaken } from '../destinations.ts';
import { SEND_LIMITS, toBody } from './send-batches.ts';

const REQUESTS_AT_ONCE = 4;

interface Message {
  bytes: number;
  /** As SQS counts it, with its attributes. */
  size: number;
  entry: Omit<SendMessageBatchRequestEntry, 'Id'>;
}

/**
 * Queues of consumers on SQS: each event in structured mode, with what a consumer sorts messages by as attributes.
 * `clientOf` makes a client for a region; `principals` are the roles that a queue's policy must let in.
 */
export function consumerQueues(options: {
  clientOf: (region: string) => SQSClient;
  principals: string[];
}): HandOverTo<'sqs'> {
  const clients = new Map<string, SQSClient>();
  const clientIn = (region: string): SQSClient => {
    const client = clients.get(region) ?? options.clientOf(region);
    clients.set(region, client);
    return client;
  };

  return async ({ destination: { queueArn }, parcels }) => {
    const client = clientIn(partsOf(queueArn).region);
    const wanted = { principals: options.principals, action: 'sqs:SendMessage', resource: queueArn };
    const QueueUrl = urlOf(client, queueArn);
    const sendBatch = async (batch: Message[]): Promise<HandedParcel[]> => {
      const said = (answer: (index: number) => HandoverAnswer): HandedParcel[] =>
        batch.map(({ bytes }, index) => ({ answer: answer(index), bytes }));
      if ((batch[0]?.size ?? 0) > SEND_LIMITS.bytes)
        return said(() => ({ kind: 'refused', error: 'TooLarge: SQS takes messages of at most 1 MiB' }));
      const Entries = batch.map(({ entry }, index) => ({ ...entry, Id: String(index) }));
      try {
        const result = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
        return said((index) => answerIn(result, String(index), wanted));
      } catch (error) {
        return said(() => notTaken(errorOf(error), wanted));
      }
    };
    const batches = toBatches(parcels.map(toMessage), SEND_LIMITS, ({ size }) => size);
    return (await inParallel(REQUESTS_AT_ONCE, batches, sendBatch)).flat();
  };
}

function answerIn(
  { Successful = [], Failed = [] }: Partial<SendMessageBatchResult>,
  id: string,
  wanted: Parameters<typeof notTaken>[1],
): HandoverAnswer {
  const taken = Successful.find(({ Id }) => Id === id);
  if (taken) return { kind: 'accepted', receipt: taken.MessageId ?? '' };
  const failed = Failed.find(({ Id }) => Id === id);
  const name = failed?.Code ?? 'NoAnswer';
  return notTaken({ name, message: failed?.Message ?? 'SQS said nothing of this message' }, wanted);
}

function toMessage({ delivery, event }: Parcel): Message {
  const MessageBody = toBody({ ...event, mailledelivery: delivery });
  const attributes = { 'content-type': STRUCTURED, 'webhook-id': delivery, 'ce-type': event.type };
  const bytes = Buffer.byteLength(MessageBody);
  const others = Object.entries(attributes).map(([name, value]) => `${name}String${value}`);
  return {
    bytes,
    size: bytes + Buffer.byteLength(others.join('')),
    entry: {
      MessageBody,
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
      ),
    },
  };
}

/** The address of a queue: the SDK knows where SQS answers in each partition and region. */
function urlOf({ config }: SQSClient, queueArn: string): string {
  const { region, account, name } = partsOf(queueArn);
  const { url } = config.endpointProvider({ Region: region, UseDualStack: false, UseFIPS: false }, {});
  return `${url.origin}/${account}/${name}`;
}
