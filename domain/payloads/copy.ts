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
  await mark(payloads, key, stem, now);
  const name = copyName(stem, now);
  await payloads.put({ name, body, contentType });
  // An erasure that came meanwhile took the mark and no copy, and looks again.
  await mark(payloads, key, stem, now);
  return name;
}

/**
 * The same of data that goes as it is, of any size: the bucket copies it, unless it has for a visit before. Undefined
 * where there is no such data.
 */
export async function keepWhole(
  payloads: Pick<Payloads, 'put' | 'names' | 'copy'>,
  key: string,
  whole: { from: string; stem: string; contentType: string },
  now: Date,
): Promise<string | undefined> {
  const { from, stem, contentType } = whole;
  const name = copyName(stem, now);
  const [there] = await payloads.names(copyDay(now), `copy.${stem}`);
  if (there === name) return name;
  await mark(payloads, key, stem, now);
  if (!(await payloads.copy(from, { name, contentType }))) return undefined;
  await mark(payloads, key, stem, now);
  return name;
}

const copyName = (stem: string, now: Date): string => `until/${copyDay(now)}/copy.${stem}`;

const mark = (payloads: Pick<Payloads, 'put'>, key: string, stem: string, now: Date): Promise<void> =>
  payloads.put({
    name: `until/${copyDay(now)}/${marksOf(key)}${stem}`,
    body: Buffer.alloc(0),
    contentType: 'application/octet-stream',
  });

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
