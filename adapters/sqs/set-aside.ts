import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SetAside, SetAsideLetter, SetAsideQueue } from '../../domain/ports.ts';
import { readDeliveryMessage } from './delivery-queue.ts';
import { membersIn, membersOf } from './members.ts';

/** For so long what was taken is nobody else's: as long as a call of the API may go on, and a little. */
const LEASE_SECONDS = 60;

/** The dead-letter queues on SQS, by name. */
export function setAsideQueues({
  client,
  urls,
}: {
  client: SQSClient;
  urls: Record<SetAsideQueue, string>;
}): SetAside {
  return {
    async count(queue) {
      const asked = { QueueUrl: urls[queue], AttributeNames: [...COUNTED] };
      const { Attributes = {} } = await client.send(new GetQueueAttributesCommand(asked));
      return COUNTED.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
    },
    async take(queue) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: urls[queue],
          MaxNumberOfMessages: 10,
          VisibilityTimeout: LEASE_SECONDS,
          MessageAttributeNames: ['RULE_ARN'],
          // What a queue sets aside keeps the instant at which it was sent there, by which SQS drops it.
          MessageSystemAttributeNames: ['SentTimestamp'],
        }),
      );
      return Messages.flatMap((message) => {
        const { ReceiptHandle: lease, Attributes } = message;
        const since = new Date(Number(Attributes?.SentTimestamp ?? 0));
        return lease ? [{ lease, letter: letterIn(queue, message), since }] : [];
      });
    },
    async remove(queue, lease) {
      await client.send(new DeleteMessageCommand({ QueueUrl: urls[queue], ReceiptHandle: lease }));
    },
    async leave(queue, lease) {
      const left = { QueueUrl: urls[queue], ReceiptHandle: lease, VisibilityTimeout: 0 };
      await client.send(new ChangeMessageVisibilityCommand(left));
    },
  };
}

const COUNTED = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;

/**
 * What a message says. EventBridge sets aside what it could not hand over either as its target would have got it, or as
 * it was on the bus, with the rule's ARN as an attribute: both are understood.
 */
export function letterIn(
  queue: SetAsideQueue,
  { Body = '', MessageAttributes }: Pick<Message, 'Body' | 'MessageAttributes'>,
): SetAsideLetter {
  const rule = MessageAttributes?.['RULE_ARN']?.StringValue ?? '';
  const letter = queue === 'admit-dead' ? entryIn(Body, rule) : deliveryIn(Body, rule);
  return letter ?? { kind: 'unreadable' };
}

function deliveryIn(body: string, rule: string): SetAsideLetter | undefined {
  const message = readDeliveryMessage(body);
  if (message) return { kind: 'delivery', message };
  const { key, sequence } = membersOf(membersIn(body)['detail']);
  // A rule is named after its subscription; a changed filter adds a number.
  const [subscription] = /sub_[0-9A-Z]{26}/.exec(rule) ?? [];
  if (typeof key !== 'string' || typeof sequence !== 'string' || subscription === undefined) return undefined;
  return { kind: 'matched', subscription, event: { key, sequence } };
}

function entryIn(body: string, rule: string): SetAsideLetter | undefined {
  const letter = membersIn(body);
  const given = membersOf(letter['requestPayload'] ?? letter);
  const event = membersOf(given['event'] ?? given);
  // An ingress bus is named after its participant: `…:rule/maille-{territory}-in-{participant}/admit`.
  const [, ofBus] = /:rule\/maille-.*-in-([a-z0-9-]+)\/[^/]+$/.exec(rule) ?? [];
  const participant = given['participant'] ?? ofBus;
  const { id, 'detail-type': type, time, detail } = event;
  if (typeof participant !== 'string' || typeof id !== 'string') return undefined;
  if (typeof type !== 'string' || typeof time !== 'string') return undefined;
  return { kind: 'entry', entry: { participant, event: { id, 'detail-type': type, time, detail } } };
}
