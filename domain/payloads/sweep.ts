import type { Payloads } from '../ports.ts';

/** At which minute of each hour the days are looked at: listing is what costs when nothing happens. */
const MINUTE = 7;

/** Deletes the data whose last day is over. Answers how many went. */
export async function sweepPayloads(
  payloads: Pick<Payloads, 'days' | 'removeDay'>,
  now: Date,
): Promise<number> {
  if (now.getUTCMinutes() !== MINUTE) return 0;
  const today = now.toISOString().slice(0, 10);
  let removed = 0;
  for (const day of await payloads.days()) if (day < today) removed += await payloads.removeDay(day);
  return removed;
}
