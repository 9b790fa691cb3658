import type { Terms } from '../../schemas/contract.ts';
import type { MinimisationClause } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import { covers } from './cover.ts';

/** The most days of a calendar month: what a day's quota comes to in a month. */
const DAYS_OF_MONTH = 31;

/** What is looser in one term than in the standing one, with its path below the terms; empty where nothing is. */
type Comparison = (asked: Terms, standing: Terms) => Fault[];

/** How each term is compared: a term that is not here does not compile. */
const COMPARISONS: { [Term in keyof Required<Terms>]: Comparison } = {
  minimisation: looserMinimisation,
  quota: looserQuota,
  price: looserPrice,
  durationDays: (asked, standing) => longer('durationDays', asked, standing),
  noticeDays: (asked, standing) => longer('noticeDays', asked, standing),
};

/**
 * Whether terms are at least as strict as standing ones: what makes them looser, empty where nothing does. A partial
 * order, up to terms that say the same in other words. Stricter is what gives the consumer less, later, for more.
 */
export const isStricterOrEqual = (asked: Terms, standing: Terms, base = '/terms'): Fault[] =>
  Object.values(COMPARISONS).flatMap((compare) =>
    compare(asked, standing).map(({ path, message }) => ({ path: base + path, message })),
  );

/** Whether one term is looser than the standing one. */
export const isLooserIn = (term: keyof Terms, asked: Terms, standing: Terms): boolean =>
  COMPARISONS[term](asked, standing).length > 0;

/** Whether the consumer's `id` and `subject` are pseudonyms, as every clause that pseudonymises makes them. */
const hidesIdentity = (clauses: MinimisationClause[]): boolean =>
  clauses.some(({ do: what }) => what === 'pseudonymise');

/** The standing clauses that terms do not take away at least as much by. */
export const uncovered = (asked: Terms, standing: Terms): MinimisationClause[] =>
  standing.minimisation.filter(
    (clause) =>
      !asked.minimisation.some((candidate) => covers(candidate, clause)) ||
      (clause.do === 'pseudonymise' && !hidesIdentity(asked.minimisation)),
  );

function looserMinimisation(asked: Terms, standing: Terms): Fault[] {
  return uncovered(asked, standing).map((clause) => {
    const same = asked.minimisation.findIndex(({ clause: name }) => name === clause.clause);
    return {
      path: same === -1 ? '/minimisation' : `/minimisation/${same}`,
      message: `must take away at least as much as clause ${clause.clause} does (${told(clause)})`,
    };
  });
}

function told(clause: MinimisationClause): string {
  switch (clause.do) {
    case 'drop':
      return `drop ${clause.path}`;
    case 'round':
      return `round ${clause.path} to ${clause.to} or a multiple of it`;
    case 'pseudonymise':
      return `pseudonymise ${clause.path}, id and subject, rotating every ${clause.rotate} or sooner`;
    case 'delay':
      return `delay by ${clause.by} or more`;
  }
}

function looserQuota({ quota: asked }: Terms, { quota: standing }: Terms): Fault[] {
  if (!standing) return [];
  const most = `${standing.events} events per ${standing.per}`;
  if (!asked) return [{ path: '/quota', message: `must be there: at most ${most}` }];
  // All events of a month may come on one day, and a month has at most 31 of those.
  const inWorst = asked.per === 'P1D' && standing.per === 'P1M' ? asked.events * DAYS_OF_MONTH : asked.events;
  return inWorst <= standing.events
    ? []
    : [{ path: '/quota', message: `must give at most ${most}, whatever the month` }];
}

/** No price and a price of nothing are the same. */
const dueOf = ({ price }: Terms): Terms['price'] => (price && price.amount > 0 ? price : undefined);

function looserPrice(asked: Terms, standing: Terms): Fault[] {
  const [due, least] = [dueOf(asked), dueOf(standing)];
  if (!least) return [];
  const enough =
    due && due.currency === least.currency && due.per === least.per && due.amount >= least.amount;
  const message = `must be at least ${least.amount} ${least.currency} per ${least.per}`;
  return enough ? [] : [{ path: '/price', message }];
}

function longer(term: 'durationDays' | 'noticeDays', asked: Terms, standing: Terms): Fault[] {
  const most = standing[term];
  const days = asked[term];
  if (most === undefined || (days !== undefined && days <= most)) return [];
  return [{ path: `/${term}`, message: `must be at most ${most} days` }];
}
