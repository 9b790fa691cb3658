import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { DeadLetter, DeadLetters } from '../../domain/ports.ts';
import { type Members, membersIn, membersOf } from './members.ts';

/** For so long a letter that was looked at is not handed out again: long enough to get to the end of the queue. */
const LOOKED_AT_SECONDS = 60;

/** A dead-letter queue: of events that were accepted, or of entries of ingress buses that were not yet. */
export interface DeadLetterQueue {
  url: string;
  holds: 'accepted' | 'entries';
}

/** The dead-letter queues on SQS that hold copies of events. What cannot be read stays, where an alarm sees it. */
export function deadLetters({
  client,
  queues,
}: {
  client: SQSClient;
  queues: DeadLetterQueue[];
}): DeadLetters {
  const received = async ({ url, holds }: DeadLetterQueue): Promise<DeadLetter[]> => {
    const request = { QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: LOOKED_AT_SECONDS };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(request));
    return Messages.flatMap(({ Body, ReceiptHandle }) => {
      const letter = membersIn(Body);
      const copy = holds === 'accepted' ? acceptedIn(letter) : entryIn(letter);
      return ReceiptHandle === undefined ? [] : [{ lease: `${url} ${ReceiptHandle}`, copy }];
    });
  };
  return {
    receive: async () => (await Promise.all(queues.map(received))).flat(),
    async remove(lease) {
      await client.send(new DeleteMessageCommand(placeOf(lease)));
    },
    async leave(lease) {
      await client.send(new ChangeMessageVisibilityCommand({ ...placeOf(lease), VisibilityTimeout: 0 }));
    },
    async held() {
      const AttributeNames = ['ApproximateNumberOfMessagesNotVisible' as const];
      const counts = queues.map(async ({ url }) => {
        const asked = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames });
        const { Attributes } = await client.send(asked);
        return Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0);
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
  };
}

/** A lease names its queue, since all have one list. */
function placeOf(lease: string): { QueueUrl: string; ReceiptHandle: string } {
  const space = lease.indexOf(' ');
  return { QueueUrl: lease.slice(0, space), ReceiptHandle: lease.slice(space + 1) };
}

/** A delivery message has its event, an entry of the shared bus its detail. */
function acceptedIn(letter: Members): DeadLetter['copy'] | undefined {
  const { key } = membersOf(letter['event'] ?? letter['detail']);
  return typeof key === 'string' ? { key } : undefined;
}

/** What admit failed on: Lambda's report of an asynchronous call, or what the rule could not hand over. */
function entryIn(letter: Members): DeadLetter['copy'] | undefined {
  const entry = membersOf(membersOf(letter['requestPayload'])['event'] ?? letter);
  const id = membersOf(entry['detail'])['id'] ?? entry['id'];
  return typeof id === 'string' ? { id } : undefined;
}
