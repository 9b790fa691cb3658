import type { Attempt, Delivery, DeliveryStatus } from '../../schemas/delivery.ts';
import type { HandoverAnswer, RoutedEvent } from '../ports.ts';
import type { Verdict } from './verdict.ts';

/** Until then whoever did something has recorded it, or never will: longer than a function runs. */
export const WRITTEN_BY_MS = 300_000;

/** How many attempts a record shows; it counts them all. */
const SHOWN_ATTEMPTS = 10;

/** What one handling of a delivery adds to its record. */
export interface Step {
  status: DeliveryStatus;
  verdict: Verdict;
  attempt?: Attempt;
  dueAt?: Date | undefined;
  /** The replay that it belongs to. */
  replay?: string | undefined;
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
    ...onceKnown('replay', before, step),
    attempts: step.attempt ? [...attempts, step.attempt].slice(-SHOWN_ATTEMPTS) : attempts,
    attemptCount: (before?.attemptCount ?? 0) + (step.attempt ? 1 : 0),
    ...onceKnown('quotaPeriod', before, step),
    ...onceKnown('countedOn', before, step),
    ...(step.dueAt && { dueAt: step.dueAt.toISOString() }),
    createdAt: before?.createdAt ?? now.toISOString(),
    updatedAt: now.toISOString(),
    expires,
  };
}

/** What is said of a delivery once and then stands. */
function onceKnown<Name extends string>(
  name: Name,
  before: { [Known in Name]?: string | undefined } | undefined,
  step: { [Known in Name]?: string | undefined },
): { [Known in Name]?: string } {
  const value: string | undefined = before?.[name] ?? step[name];
  // Safe: it is the one member that the name names.
  return (value === undefined ? {} : { [name]: value }) as { [Known in Name]?: string };
}

/** One attempt as recorded: what came back or why nothing did. */
export const attemptOf = (answer: HandoverAnswer, at: Date, latencyMs: number): Attempt => ({
  at: at.toISOString(),
  latencyMs: Math.max(0, Math.round(latencyMs)),
  ...saidOf(answer),
});

function saidOf(answer: HandoverAnswer): Pick<Attempt, 'status' | 'answer' | 'error'> {
  if (answer.kind === 'answer') return { status: answer.status, answer: answer.body };
  return answer.kind === 'accepted' ? { answer: answer.receipt } : { error: answer.error };
}
