import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import type { Tally } from '../../schemas/usage.ts';
import type { Went } from '../deliver/health.ts';
import { attemptOf, recorded, type Step } from '../deliver/record.ts';
import { afterAnswer } from '../deliver/retry.ts';
import { DISABLED } from '../deliver/verdict.ts';
import { ERASED } from '../personal-data/in-flight.ts';
import type { HandedParcel } from '../ports.ts';
import { routed } from '../route.ts';
import { dayOf } from '../usage/period.ts';
import { type Handed, talliesOf } from '../usage/tally.ts';
import type { Round } from './round.ts';
import type { Passing, Weighed } from './judge.ts';

/** The record of what is not written: withheld, delayed or erased, by its clause. */
export function refused({ at }: Pick<Round, 'at'>, { known, verdict }: Weighed): Delivery[] {
  const { kind, clause } = verdict;
  if (kind !== 'withhold' && kind !== 'delay') return [];
  const stopped = clause === DISABLED ? 'parked' : 'withheld';
  const status = clause === ERASED.clause ? 'erased' : kind === 'delay' ? 'delayed' : stopped;
  const due = verdict.until && { dueAt: verdict.until.toISOString() };
  const { dueAt: _, ...rest } = known;
  return [{ ...rest, ...due, status, verdict: kind, clause, updatedAt: at().toISOString() }];
}

/** What is recorded of an attempt to write, and how it went for the subscription. */
export interface Written {
  records: Delivery[];
  tallies: Tally[];
  delivered: number;
  worst: Went | undefined;
}

/** The records of some events that were handed over, in order with what came back; each is counted once. */
export function written(
  { at, territory, subscription, chance }: Pick<Round, 'at' | 'territory' | 'subscription' | 'chance'>,
  some: Passing[],
  handed: HandedParcel[],
  of: { contract: Contract; period: string | undefined; asked: Date },
): Written {
  const now = at();
  const tally: Handed[] = [];
  const went: Went[] = [];
  const records = some.map(({ known, entry, verdict }, index) => {
    const { answer, bytes } = handed[index] ?? unanswered;
    const count = known.attemptCount + 1;
    const next = afterAnswer(answer, count, { waits: territory.retryWaits, chance }, now);
    went.push({ next: next.kind, count });
    const day = dayOf(of.asked);
    const counts = next.kind === 'delivered' && known.countedOn === undefined;
    if (counts) tally.push({ delivery: known.id, contract: of.contract, day, bytes });
    const step: Step = {
      status: next.kind === 'retry' ? 'retrying' : next.kind,
      verdict,
      attempt: attemptOf(answer, of.asked, now.getTime() - of.asked.getTime()),
      quotaPeriod: of.period,
      ...(counts && { countedOn: day }),
      ...(next.kind === 'retry' && { dueAt: new Date(now.getTime() + next.afterSeconds * 1000) }),
    };
    return recorded(known.id, subscription.id, routed(entry), known, step, now, known.expires);
  });
  return {
    records,
    tallies: talliesOf(tally, now),
    delivered: went.filter(({ next }) => next === 'delivered').length,
    worst: went.find(({ next }) => next === 'parked') ?? went.find(({ next }) => next === 'delivered'),
  };
}

const unanswered: HandedParcel = { answer: { kind: 'no-answer', error: 'Nothing was said of it' }, bytes: 0 };
