import type { Payloads } from '../ports.ts';

const DAY_MS = 86_400_000;

/** The day until which a copy made at `now` is kept: a day at most, the next visit makes another. */
const copyDay = (now: Date): string => new Date(now.getTime() + DAY_MS).toISOString().slice(0, 10);

/** How marks begin that tell which copies there are of one event; no consumer ever sees the name of one. */
const marksOf = (key: string): string => `of.${key}.`;

/**
 * Keeps a copy of an event's large data as one contract lets it be seen; answers its name, which tells nobody what
 * event it is of. That is told by a mark beside it, kept first, by which an erasure finds the copy.
 */
export async function keepCopy(
  payloads: Pick<Payloads, 'put'>,
  key: string,
  copy: { stem: string; body: Buffer; contentType: string },
  now: Date,
): Promise<string> {
  const { stem, body, contentType } = copy;
  const day = copyDay(now);
  const mark = { body: Buffer.alloc(0), contentType: 'application/octet-stream' };
  await payloads.put({ name: `until/${day}/${marksOf(key)}${stem}`, ...mark });
  const name = `until/${day}/copy.${stem}`;
  await payloads.put({ name, body, contentType });
  return name;
}

/** Removes the copies of an event's large data. */
export async function removeCopies(
  payloads: Pick<Payloads, 'names' | 'remove'>,
  key: string,
  now: Date,
): Promise<void> {
  const marks = marksOf(key);
  for (const day of [now.toISOString().slice(0, 10), copyDay(now)]) {
    for (const mark of await payloads.names(day, marks)) {
      await payloads.remove(mark.replace(`/${marks}`, '/copy.'));
      await payloads.remove(mark);
    }
  }
}
