import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import type { Gap, RouteGaps } from '../../domain/ports.ts';
import { membersIn } from './members.ts';

/** Accepted and streamed are not the same instant: a span is widened by this much on both sides. */
const MARGIN_MS = 60_000;
/** While one tick routes a gap again, no other one starts on it. */
const LEASE_SECONDS = 60;

/** What `route` and the clock report, and an operator who has a span of time routed again. */
const reported = z.union([
  z.strictObject({ keys: z.array(z.string()).check(z.minLength(1)) }),
  z.strictObject({
    from: z.coerce.date(),
    to: z.coerce.date(),
    done: z.optional(z.strictObject({ dataset: z.string(), before: z.coerce.date() })),
  }),
]);

/**
 * What Lambda sends where a stream's source gives up (AWS Lambda developer guide, "Retain discarded batch records for
 * DynamoDB"): the position and the times of the batch, never its records.
 */
const discarded = z.looseObject({
  DDBStreamBatchInfo: z.looseObject({
    approximateArrivalOfFirstRecord: z.coerce.date(),
    approximateArrivalOfLastRecord: z.coerce.date(),
  }),
});

/** The gaps of `route` on SQS: its own reports, and what the ledger's stream discarded. */
export function routeGaps({ client, queueUrl }: { client: SQSClient; queueUrl: string }): RouteGaps {
  const send = async (what: object): Promise<void> =>
    void (await client.send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(what) }),
    ));
  return {
    report: send,
    setAside: (unreadable) => send({ unreadable }),
    async receive() {
      const request = { QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: LEASE_SECONDS };
      const { Messages = [] } = await client.send(new ReceiveMessageCommand(request));
      return Messages.flatMap(({ Body, ReceiptHandle }) =>
        ReceiptHandle ? [{ gap: gapOf(membersIn(Body)), lease: ReceiptHandle }] : [],
      );
    },
    async close(lease) {
      await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: lease }));
    },
  };
}

function gapOf(body: unknown): Gap | undefined {
  const own = reported.safeParse(body);
  if (own.success) return own.data;
  const { data } = discarded.safeParse(body);
  if (!data) return undefined;
  const { approximateArrivalOfFirstRecord: first, approximateArrivalOfLastRecord: last } =
    data.DDBStreamBatchInfo;
  return { from: new Date(first.getTime() - MARGIN_MS), to: new Date(last.getTime() + MARGIN_MS) };
}
