import type { Contract } from '../../schemas/contract.ts';
import { dayOf } from './period.ts';

const DAY_MS = 86_400_000;

/** The spans in which a contract was active, by its history; the present one ends `now`, or on its last day. */
function spansOf({ history, from, until }: Pick<Contract, 'history' | 'from' | 'until'>, now: Date) {
  const end = Math.min(now.getTime(), until === undefined ? Infinity : Date.parse(until));
  return history.flatMap(({ to, at }, index) => {
    if (to !== 'active') return [];
    const next = history[index + 1];
    const span = {
      from: Math.max(Date.parse(at), Date.parse(from)),
      to: Math.min(next ? Date.parse(next.at) : end, end),
    };
    return span.from <= span.to ? [span] : [];
  });
}

/** The days (UTC) on some part of which a contract was in force, so far, in order. */
export function daysInForce(contract: Pick<Contract, 'history' | 'from' | 'until'>, now: Date): string[] {
  const days = new Set<string>();
  for (const span of spansOf(contract, now)) {
    for (let at = Date.parse(dayOf(new Date(span.from))); at <= span.to; at += DAY_MS)
      days.add(dayOf(new Date(at)));
  }
  return [...days].sort();
}
