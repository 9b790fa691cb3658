import type { Attempt, Delivery, DeliveryStatus } from '../../schemas/delivery.ts';
import type { RoutedEvent, WebhookAnswer } from '../ports.ts';
import type { Verdict } from './verdict.ts';

/** How many attempts a record shows; it counts them all. */
const SHOWN_ATTEMPTS = 10;

/** What one handling of a delivery adds to its record. */
export interface Step {
  status: DeliveryStatus;
  verdict: Verdict;
  attempt?: Attempt;
  dueAt?: Date | undefined;
  /** Out of which period's quota it was taken. */
  quotaPeriod?: string | undefined;
  /** On which day it was counted. */
  countedOn?: string | undefined;
}

/** The record of a delivery after a step; `before` is what was stored. */
export function recorded(
  id: string,
  subscription: string,
  routed: RoutedEvent,
  before: Delivery | undefined,
  step: Step,
  now: Date,
  expires: number,
): Delivery {
  const attempts = before?.attempts ?? [];
  const quotaPeriod = before?.quotaPeriod ?? step.quotaPeriod;
  const countedOn = before?.countedOn ?? step.countedOn;
  return {
    id,
    subscription,
    event: {
      key: routed.key,
      sequence: routed.sequence,
      id: routed.event.id,
      source: routed.event.source,
      type: routed.event.type,
    },
    status: step.status,
    verdict: step.verdict.kind,
    clause: step.verdict.clause,
    attempts: step.attempt ? [...attempts, step.attempt].slice(-SHOWN_ATTEMPTS) : attempts,
    attemptCount: (before?.attemptCount ?? 0) + (step.attempt ? 1 : 0),
    ...(quotaPeriod !== undefined && { quotaPeriod }),
    ...(countedOn !== undefined && { countedOn }),
    ...(step.dueAt && { dueAt: step.dueAt.toISOString() }),
    createdAt: before?.createdAt ?? now.toISOString(),
    updatedAt: now.toISOString(),
    expires,
  };
}

/** One attempt as recorded: the status that came back or why none did. */
export const attemptOf = (answer: WebhookAnswer, at: Date, latencyMs: number): Attempt => ({
  at: at.toISOString(),
  latencyMs: Math.max(0, Math.round(latencyMs)),
  ...(answer.kind === 'answer' ? { status: answer.status, answer: answer.body } : { error: answer.error }),
});
