import { ProblemError } from '../schemas/problem.ts';
import type { Page, PageRequest } from './ports.ts';

/** The problem of a cursor that a list has not given. */
export const strangeCursor = (): ProblemError =>
  new ProblemError('not-parseable', 'cursor is not one that this list has given', {
    errors: [{ path: '/cursor', message: 'must be the `next` of the page before' }],
  });

/** A page of a list that is at hand whole: its cursor counts what came before. */
export function pageOfWhole<Item>(all: readonly Item[], { limit, cursor }: PageRequest): Page<Item> {
  const from = Number(cursor ?? 0);
  const given = cursor === undefined || (all[from] !== undefined && from > 0 && String(from) === cursor);
  if (!given) throw strangeCursor();
  const to = from + limit;
  return { items: all.slice(from, to), next: to < all.length ? String(to) : null };
}
