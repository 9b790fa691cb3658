import type { DeliveryStatus } from '../../schemas/delivery.ts';
import type { Fault } from '../../schemas/problem.ts';

/**
 * What became of an event for a subscription: where its delivery stands; `not-matched` by the subscription; `under-way`;
 * `rejected` at the door; `unknown`: not accepted, or no more.
 */
export type Outcome = DeliveryStatus | 'not-matched' | 'under-way' | 'rejected' | 'unknown';

/** The step that decided, and by what: one of clause, filter key and state. */
export interface Decision {
  step: 'publish' | 'rule' | 'contract' | 'deliver';
  clause?: string;
  /** A JSON Pointer into the subscription's filter. */
  filterKey?: string;
  /** What the event has at the key, where the consumer may see it. */
  value?: unknown;
  state?: string;
}

/** Why an event came, or did not. */
export interface Explanation {
  outcome: Outcome;
  decidedBy: Decision;
  detail: string;
  /** The delivery's id. */
  delivery?: string;
  /** What the door refused it for; to its publisher only. */
  errors?: Fault[];
}

/** The same words for what was never accepted, what never was, and what is no more. */
export const UNKNOWN: Explanation = {
  outcome: 'unknown',
  decidedBy: { step: 'publish', state: 'absent' },
  detail: 'The dataset has no event with this source and id: none was accepted, or its retention has ended.',
};
