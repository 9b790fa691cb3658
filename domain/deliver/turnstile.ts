import type { Passage, Passages } from '../ports.ts';

const MINUTE_MS = 60_000;
const NONE: Passage = { minute: 0, taken: 0, ahead: 0, open: {} };
/** How often a count is tried while other functions count as well. */
const TRIES = 8;

/** The places that a function got, and the passage after it. */
export interface Placed {
  passage: Passage;
  got: number;
}

/** Takes at most `wanted` of the requests that a receiver has open at once; whoever crashed gives its own back in time. */
export function takePlaces(
  before: Passage = NONE,
  { name, atOnce, wanted, until }: { name: string; atOnce: number; wanted: number; until: Date },
  now: Date,
): Placed {
  const open = Object.fromEntries(
    Object.entries(before.open).filter(([, held]) => held.until > now.getTime()),
  );
  const held = Object.values(open).reduce((sum, { most }) => sum + most, 0);
  const got = Math.max(0, Math.min(wanted, atOnce - held));
  const mine = got > 0 && { [name]: { most: got, until: until.getTime() } };
  return { passage: { ...before, open: { ...open, ...mine } }, got };
}

/** The passage once a function has no request open any more. */
export function givePlaces(before: Passage = NONE, name: string): Passage {
  const { [name]: _, ...open } = before.open;
  return { ...before, open };
}

/**
 * Takes at most `wanted` of the requests that a receiver allows in this minute. `later` is when each of the others may
 * come again: as many a minute as it allows, after those who were told so before.
 */
export function takeOfMinute(
  before: Passage = NONE,
  { perMinute, wanted }: { perMinute: number; wanted: number },
  now: Date,
): Placed & { later: Date[] } {
  const minute = Math.floor(now.getTime() / MINUTE_MS);
  // A clock that is behind counts in the minute that others are in.
  const passed = Math.max(0, minute - before.minute);
  const current = Math.max(minute, before.minute);
  const taken = passed > 0 ? 0 : before.taken;
  const ahead = Math.max(0, before.ahead - passed * perMinute);
  const got = Math.max(0, Math.min(wanted, perMinute - taken));
  const later = Array.from(
    { length: wanted - got },
    (_, at) => new Date((current + 1 + Math.floor((ahead + at) / perMinute)) * MINUTE_MS),
  );
  const passage = { ...before, minute: current, taken: taken + got, ahead: ahead + later.length };
  return { passage, got, later };
}

/** Changes a passage while others do; throws where they always were faster. */
export async function passing<Result extends { passage: Passage }>(
  passages: Passages,
  subscription: string,
  change: (before: Passage | undefined) => Result,
): Promise<Result> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const before = await passages.read(subscription);
    const result = change(before);
    if (await passages.replace(subscription, before, result.passage)) return result;
  }
  throw new Error('the requests to a receiver could not be counted');
}
