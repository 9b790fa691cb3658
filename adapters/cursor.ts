import { createHash } from 'node:crypto';
import { ProblemError } from '../schemas/problem.ts';

const STAMP = 8;
const stampOf = (list: string): string =>
  createHash('sha256').update(list).digest('base64url').slice(0, STAMP);

/** The cursor of a place in a list: opaque, and of use in that list only. */
export function cursorAt(list: string, place: string): string {
  return Buffer.from(stampOf(list) + place).toString('base64url');
}

/** The place that a cursor of this list names; throws a `not-parseable` problem on any other text. */
export function placeOf(list: string, cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  const place = text.slice(STAMP);
  if (place === '' || cursorAt(list, place) !== cursor) {
    throw new ProblemError('not-parseable', 'cursor is not one that this list has given', {
      errors: [{ path: '/cursor', message: 'must be the `next` of the page before' }],
    });
  }
  return place;
}
