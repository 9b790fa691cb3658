import type { Subscription } from '../../schemas/subscription.ts';
import { coversType, isTelling, type Standing, type Verdict, verdictOn } from '../deliver/verdict.ts';
import { judged, minimised } from '../deliver/wire.ts';
import { whyNot } from '../pattern/match.ts';
import type { LedgerEntry, Sealer } from '../ports.ts';
import { routed } from '../route.ts';
import type { Decision, Explanation, Outcome } from './explanation.ts';
import { clauseWords } from './words.ts';

/** Clocks differ between functions: what was accepted so long before a rule was put may still have met it. */
const CLOCK_SKEW_MS = 5000;
const LONGEST_VALUE = 200;
const MOST_VALUES = 10;

const because = (outcome: Outcome, decidedBy: Decision, detail: string): Explanation => ({
  outcome,
  decidedBy,
  detail,
});

/** Why an accepted event has no delivery for a subscription. */
export async function whyNotMatched(
  deps: { sealer: Pick<Sealer, 'derive'> },
  entry: LedgerEntry,
  subscription: Subscription,
  standing: Standing,
  now: Date,
): Promise<Explanation> {
  const event = routed(entry);
  const facts = judged(event);
  if (facts.acceptedAt.getTime() < Date.parse(subscription.createdAt)) {
    const detail = 'It was accepted before the subscription was made: a replay would bring it.';
    return because('not-matched', { step: 'rule', state: 'subscription.createdAt' }, detail);
  }
  const verdict = verdictOn(standing, facts, now);
  const uncovered = uncoveredBy(entry, subscription, standing, verdict);
  if (uncovered !== undefined) {
    const step = uncovered === 'subscription.types' ? 'rule' : 'contract';
    return because('not-matched', { step, clause: uncovered }, clauseWords(uncovered, standing));
  }
  // As the contract lets its consumer see it: no value of anything else can be told.
  const missed = subscription.filter && whyNot(subscription.filter, await minimised(deps, event, standing));
  if (missed) return missedBy(missed, mayBeSeen(verdict));
  return noRuleYet(subscription, facts.acceptedAt);
}

/** The clause by which nothing of an event's kind is matched. */
function uncoveredBy(
  { type }: LedgerEntry,
  subscription: Subscription,
  { contract }: Standing,
  verdict: Verdict,
): string | undefined {
  if (!coversType(contract, type)) return 'contract.types';
  if (!coversType(subscription, type)) return 'subscription.types';
  return isTelling(verdict.clause) ? verdict.clause : undefined;
}

/** Whether the contract would hand the event over now: only then is a value of it the consumer's to see. */
const mayBeSeen = ({ kind }: Verdict): boolean => kind === 'deliver' || kind === 'redact';

function missedBy({ key, value }: { key: string; value: unknown }, shown: boolean): Explanation {
  const named = `The filter's key ${key} did not match`;
  if (!shown) return because('not-matched', { step: 'rule', filterKey: key }, `${named}.`);
  if (value === undefined)
    return because('not-matched', { step: 'rule', filterKey: key }, `${named}: the event has nothing there.`);
  const seen = shortened(value);
  const detail = `${named}: the event has ${JSON.stringify(seen)} there.`;
  return because('not-matched', { step: 'rule', filterKey: key, value: seen }, detail);
}

function shortened(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, MOST_VALUES).map(shortened);
  return typeof value === 'string' && value.length > LONGEST_VALUE
    ? `${value.slice(0, LONGEST_VALUE)}…`
    : value;
}

/** All matches, and yet there is no delivery. */
function noRuleYet({ status, rule, createdAt }: Subscription, acceptedAt: Date): Explanation {
  if (status === 'ended')
    return because(
      'not-matched',
      { step: 'rule', state: 'subscription.status=ended' },
      'The subscription has ended.',
    );
  const changed = Date.parse(rule.putAt) > Date.parse(createdAt) + CLOCK_SKEW_MS;
  if (changed && Date.parse(rule.putAt) > acceptedAt.getTime() + CLOCK_SKEW_MS) {
    const detail = 'It was accepted before the present filter was put: the one before decided.';
    return because('not-matched', { step: 'rule', state: 'subscription.rule.putAt' }, detail);
  }
  if (!rule.settled) {
    const detail = 'The rule of the subscription is still settling: all since it was made follows then.';
    return because('under-way', { step: 'rule', state: 'subscription.rule.settled=false' }, detail);
  }
  return because('under-way', { step: 'rule', state: 'under-way' }, 'It matches, and is on its way.');
}
