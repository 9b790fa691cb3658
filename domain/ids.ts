import { ulid } from 'ulid';
import { ID_PREFIXES, type IdPrefix } from '../schemas/id-prefixes.ts';

/** Random bytes, as many as asked for. A dependency, so that tests choose them. */
export type Random = (bytes: number) => Buffer;

/** A new opaque id of a noun: its prefix and a ULID that sorts by `now`. */
export function newId(noun: IdPrefix, now: Date, random: Random): string {
  return ID_PREFIXES[noun] + newUlid(now, random);
}

/** A ULID that sorts by `now`. */
export function newUlid(now: Date, random: Random): string {
  const bytes = random(16);
  let at = 0;
  return ulid(now.getTime(), () => (bytes[at++ % bytes.length] ?? 0) / 256);
}
