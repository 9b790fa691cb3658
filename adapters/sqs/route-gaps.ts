import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { RouteGap, RouteGaps } from '../../domain/ports.ts';

/** Accepted and streamed are not the same instant: a gap is widened by this much on both sides. */
const MARGIN_MS = 60_000;
/** While one tick routes a gap again, no other one starts on it. */
const LEASE_SECONDS = 300;

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

/** The failure destination of the ledger's stream, an SQS queue. */
export function routeGaps({ client, queueUrl }: { client: SQSClient; queueUrl: string }): RouteGaps {
  return {
    async receive() {
      const request = { QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: LEASE_SECONDS };
      const { Messages = [] } = await client.send(new ReceiveMessageCommand(request));
      return Messages.flatMap(({ Body, ReceiptHandle }) => {
        const gap = gapOf(Body);
        return gap && ReceiptHandle ? [{ ...gap, lease: ReceiptHandle }] : [];
      });
    },
    async close({ lease }) {
      await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: lease }));
    },
  };
}

/** What cannot be read stays in the queue, where an alarm sees it. */
function gapOf(body: string | undefined): Pick<RouteGap, 'from' | 'to'> | undefined {
  const { data } = discarded.safeParse(jsonOf(body));
  if (!data) return undefined;
  const { approximateArrivalOfFirstRecord: first, approximateArrivalOfLastRecord: last } = data.DDBStreamBatchInfo;
  return { from: new Date(first.getTime() - MARGIN_MS), to: new Date(last.getTime() + MARGIN_MS) };
}

function jsonOf(text = ''): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
