import type { Contract, Terms } from '../../schemas/contract.ts';
import { contractDigest } from './terms.ts';
import { after, awaitsDpo, isOver } from './transitions.ts';

const DAY_MS = 86_400_000;

/** Who a transition of the mesh itself is by, in a contract's history. */
export const MESH = 'mesh';

/** How many days before its end both parties are told, once each. */
export const REMINDERS = [30, 7, 1] as const;

/** The contract after what its dates bring about at `now`; the same one where they bring nothing. */
export function settled(contract: Contract, now: Date): Contract {
  const bound = boundBy(contract, now);
  const parts = ['mesh'] as const;
  if (bound.until !== undefined && Date.parse(bound.until) <= now.getTime()) {
    return after(bound, parts, { action: 'expire', by: MESH, at: now }) ?? bound;
  }
  if (awaitsDpo(bound) || Date.parse(bound.from) > now.getTime()) return bound;
  return after(bound, parts, { action: 'start', by: MESH, at: now }) ?? bound;
}

/** The terms that bind at an instant: those of a changed offer from their day on, whether the clock has come or not. */
export const termsAt = ({ terms, termsChange }: Contract, now: Date): Terms =>
  termsChange && Date.parse(termsChange.from) <= now.getTime() ? termsChange.terms : terms;

function boundBy(contract: Contract, now: Date): Contract {
  const { termsChange } = contract;
  if (!termsChange || Date.parse(termsChange.from) > now.getTime()) return contract;
  const reason = "the dataset's changed offer, after its notice";
  const bound = after(contract, ['mesh'], { action: 'bind', by: MESH, at: now, reason });
  if (!bound) return contract;
  // A revision that waits was told on the terms before: its digest stands for them no more.
  const { termsChange: _, proposed: __, ...rest } = bound;
  const changed = { ...rest, terms: termsChange.terms, datasetRevision: termsChange.datasetRevision };
  return { ...changed, digest: contractDigest(changed) };
}

/** Of the reminders of an end, the one nearest to it whose instant has come: days before. */
export function reminderAt(until: string | undefined, now: Date): number | undefined {
  if (until === undefined) return undefined;
  const left = Date.parse(until) - now.getTime();
  return REMINDERS.findLast((days) => left <= days * DAY_MS);
}

/** The contract with its new end: what had no time to be told before it is not told. */
export function endingAt(contract: Contract, until: string | undefined, now: Date): Contract {
  const { until: _, reminded: __, ...rest } = contract;
  const reminded = reminderAt(until, now);
  return { ...rest, ...(until !== undefined && { until }), ...(reminded !== undefined && { reminded }) };
}

/** The reminder that is due at `now` and was not told yet: days before the end. */
export function dueReminder({ state, until, reminded }: Contract, now: Date): number | undefined {
  if (isOver(state) || state === 'requested' || state === 'offered') return undefined;
  const days = reminderAt(until, now);
  return days !== undefined && (reminded === undefined || days < reminded) ? days : undefined;
}

/** The next instant at which the dates of a contract bring something about, as the clock looks for it. */
export function dueAt(contract: Contract): string | undefined {
  const { state, from, until, reminded, termsChange } = contract;
  if (isOver(state) || state === 'requested' || state === 'offered') return undefined;
  const dates = [
    ...(state === 'agreed' && !awaitsDpo(contract) ? [from] : []),
    ...(until === undefined ? [] : [until]),
    ...(termsChange ? [termsChange.from] : []),
  ].map((date) => Date.parse(date));
  const next = REMINDERS.find((days) => reminded === undefined || days < reminded);
  if (until !== undefined && next !== undefined) dates.push(Date.parse(until) - next * DAY_MS);
  return dates.length === 0 ? undefined : new Date(Math.min(...dates)).toISOString();
}
