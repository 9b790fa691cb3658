import type { DayFigures } from '../schemas/usage.ts';

const DAY_MS = 86_400_000;

/** The days from one to another, both included. */
export function daysFrom(from: string, to: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** The sums of each day, in the days' order. */
export function sumByDay(figures: DayFigures[]): DayFigures[] {
  const sums = new Map<string, DayFigures>();
  for (const { day, events, bytes, charge } of figures) {
    const sum = sums.get(day) ?? { day, events: 0, bytes: 0, charge: 0 };
    sums.set(day, {
      day,
      events: sum.events + events,
      bytes: sum.bytes + bytes,
      charge: sum.charge + charge,
    });
  }
  return [...sums.values()].sort((one, other) => (one.day < other.day ? -1 : 1));
}
