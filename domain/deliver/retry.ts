import { seconds } from '../../schemas/duration.ts';
import type { HandoverAnswer } from '../ports.ts';

/** The longest that SQS delays a message: 15 minutes (SQS developer guide, "Delay queues"). */
export const MAX_DELAY_SECONDS = 900;
const MAX_RETRY_AFTER_SECONDS = 86_400;

/** What an answer means: handed over, never again, or again after so many seconds; none left means parked. */
export type Next =
  { kind: 'delivered' } | { kind: 'gone' } | { kind: 'retry'; afterSeconds: number } | { kind: 'parked' };

/**
 * What follows the answer to attempt `count` (from 1): the waits of api.md, prolonged by `Retry-After` where a 429 or
 * a 503 sends one (CloudEvents webhook spec section 2.2, Standard Webhooks "Operational considerations").
 */
export function afterAnswer(answer: HandoverAnswer, count: number, waits: string[], now: Date): Next {
  if (answer.kind === 'accepted') return { kind: 'delivered' };
  if (answer.kind === 'answer') {
    if (answer.status >= 200 && answer.status < 300) return { kind: 'delivered' };
    if (answer.status === 410) return { kind: 'gone' };
  }
  const wait = waits[count - 1];
  if (wait === undefined) return { kind: 'parked' };
  const asked =
    answer.kind === 'answer' && [429, 503].includes(answer.status)
      ? retryAfterSeconds(answer.retryAfter, now)
      : 0;
  return { kind: 'retry', afterSeconds: Math.max(seconds(wait), Math.min(asked, MAX_RETRY_AFTER_SECONDS)) };
}

/** `Retry-After` as seconds from now: a number of them or an HTTP date (RFC 9110 section 10.2.3); 0 when unreadable. */
export function retryAfterSeconds(value: string | undefined, now: Date): number {
  if (value === undefined) return 0;
  if (/^\d+$/.test(value.trim())) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, Math.ceil((date - now.getTime()) / 1000));
}
