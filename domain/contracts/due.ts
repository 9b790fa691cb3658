import type { Contract, Terms } from '../../schemas/contract.ts';
import { awaitsDpo, isOver } from './transitions.ts';

const DAY_MS = 86_400_000;

/** How many days before its end both parties are told, once each. */
export const REMINDERS = [30, 7, 1] as const;

/** The terms that bind at an instant: those of a changed offer from their day on, whether the clock has come or not. */
export const termsAt = ({ terms, termsChange }: Contract, now: Date): Terms =>
  termsChange && Date.parse(termsChange.from) <= now.getTime() ? termsChange.terms : terms;

/** A contract by the terms that bind at an instant. */
export const bindingAt = (contract: Contract, now: Date): Contract => ({
  ...contract,
  terms: termsAt(contract, now),
});

/** Of the reminders of an end, the one nearest to it whose instant has come: days before. */
export function reminderAt(until: string | undefined, now: Date): number | undefined {
  if (until === undefined) return undefined;
  const left = Date.parse(until) - now.getTime();
  return REMINDERS.findLast((days) => left <= days * DAY_MS);
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
