import { seconds } from '../../schemas/duration.ts';
import type { HandoverAnswer } from '../ports.ts';

/** The longest that SQS delays a message: 15 minutes (SQS developer guide, "Delay queues"). */
export const MAX_DELAY_SECONDS = 900;
/** A receiver that asks for longer is asked again after a week all the same. */
const MAX_RETRY_AFTER_SECONDS = 604_800;
/** Waits are prolonged by up to this part of them, so that what failed together does not come again together. */
const JITTER = 0.1;

/** A number from 0 (included) to 1 (excluded), each as likely as the other. A dependency, so that tests choose it. */
export type Chance = () => number;

/** What an answer means: handed over, never again, or again after so many seconds; none left means parked. */
export type Next =
  { kind: 'delivered' } | { kind: 'gone' } | { kind: 'retry'; afterSeconds: number } | { kind: 'parked' };

/** By what retries are timed. */
export interface RetryPlan {
  /** The waits of api.md, one for each attempt but the last. */
  waits: string[];
  chance: Chance;
  /** For how long the event is still kept: half of it at most is spent on one wait, so that what is parked can be released. */
  keptSeconds?: number;
}

/**
 * What follows the answer to attempt `count` (from 1): the waits of api.md, a little longer by chance, prolonged by
 * `Retry-After` where a 429 or a 503 sends one (CloudEvents webhook spec section 2.2, Standard Webhooks "Operational
 * considerations"); shorter only where the event would be gone by then.
 */
export function afterAnswer(answer: HandoverAnswer, count: number, plan: RetryPlan, now: Date): Next {
  if (answer.kind === 'accepted') return { kind: 'delivered' };
  if (answer.kind === 'answer') {
    if (answer.status >= 200 && answer.status < 300) return { kind: 'delivered' };
    if (answer.status === 410) return { kind: 'gone' };
  }
  const wait = plan.waits[count - 1];
  if (wait === undefined) return { kind: 'parked' };
  const { keptSeconds = Number.POSITIVE_INFINITY, chance } = plan;
  const wanted = Math.max(seconds(wait), askedSeconds(answer, now));
  return { kind: 'retry', afterSeconds: prolonged(Math.min(wanted, Math.max(0, keptSeconds / 2)), chance) };
}

/** For how long a receiver asks not to be sent anything: 0 where it does not, a week at most. */
export const askedSeconds = (answer: HandoverAnswer, now: Date): number =>
  answer.kind === 'answer' && [429, 503].includes(answer.status)
    ? Math.min(retryAfterSeconds(answer.retryAfter, now), MAX_RETRY_AFTER_SECONDS)
    : 0;

/** A wait with its share of chance. */
export const prolonged = (waitSeconds: number, chance: Chance): number =>
  waitSeconds * (1 + JITTER * chance());

/** The first wait of a message that was held, and the longest: SQS hands out ten times, over half an hour in all. */
const HELD_SECONDS = { first: 5, most: 900 };

/**
 * After how many seconds a message that was held comes again, when it has been handed out so often (from 1). A store that
 * did not answer for a moment costs seconds; one that is away for long is not asked ever again.
 */
export const heldSeconds = (received: number, chance: Chance): number =>
  Math.ceil(prolonged(Math.min(HELD_SECONDS.first * 2 ** (received - 1), HELD_SECONDS.most), chance));

/** `Retry-After` as seconds from now: a number of them or an HTTP date (RFC 9110 section 10.2.3); 0 when unreadable. */
export function retryAfterSeconds(value: string | undefined, now: Date): number {
  if (value === undefined) return 0;
  if (/^\d+$/.test(value.trim())) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, Math.ceil((date - now.getTime()) / 1000));
}
