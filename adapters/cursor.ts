import { createHash } from 'node:crypto';
import { strangeCursor } from '../domain/whole-list.ts';

const STAMP = 8;
const stampOf = (list: string): string =>
  createHash('sha256').update(list).digest('base64url').slice(0, STAMP);

/** The cursor of a place in a list, of use in that list only; the API seals it for who reads it. */
export function cursorAt(list: string, place: string): string {
  return Buffer.from(stampOf(list) + place).toString('base64url');
}

/** The place that a cursor of this list names; throws a `not-parseable` problem on any other text. */
export function placeOf(list: string, cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  const place = text.slice(STAMP);
  if (place === '' || cursorAt(list, place) !== cursor) {
    throw strangeCursor();
  }
  return place;
}
