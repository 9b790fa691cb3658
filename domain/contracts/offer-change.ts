import { canonicalJson } from '../../events/canonical.ts';
import type { Contract, Terms } from '../../schemas/contract.ts';
import { type Dataset, type MinimisationClause, NOTICE_DAYS } from '../../schemas/dataset.ts';
import { MESH } from './dates.ts';
import { covers } from './cover.ts';
import { isLooserIn, uncovered } from './stricter.ts';
import { offeredTerms } from './terms.ts';
import { after } from './transitions.ts';

const DAY_MS = 86_400_000;

/** How many days of notice a contract has before a changed offer binds it. */
export const noticeDaysOf = ({ terms }: Pick<Contract, 'terms'>): number => terms.noticeDays ?? NOTICE_DAYS;

/**
 * A contract's terms as a changed offer binds them: stricter where the offer has become stricter, else as they were
 * agreed. Duration and notice stay as agreed: what has begun is not cut short by an offer.
 */
export function tightened(terms: Terms, offered: Terms): Terms {
  const { quota, price, ...rest } = terms;
  const bound = {
    quota: isLooserIn('quota', terms, offered) ? offered.quota : quota,
    price: isLooserIn('price', terms, offered) ? offered.price : price,
  };
  return {
    ...rest,
    minimisation: uncovered(terms, offered).reduce(withClause, terms.minimisation),
    ...(bound.quota && { quota: bound.quota }),
    ...(bound.price && { price: bound.price }),
  };
}

/** Clauses with one more; it takes the place of its namesake where that says less of the same kind. */
function withClause(clauses: MinimisationClause[], added: MinimisationClause): MinimisationClause[] {
  const namesake = clauses.find(({ clause }) => clause === added.clause);
  if (!namesake) return [...clauses, added];
  if (namesake.do === added.do && covers(added, namesake))
    return clauses.map((clause) => (clause === namesake ? added : clause));
  const names = new Set(clauses.map(({ clause }) => clause));
  let number = 2;
  while (names.has(`${added.clause.slice(0, 58)}-${number}`)) number += 1;
  return [...clauses, { ...added, clause: `${added.clause.slice(0, 58)}-${number}` }];
}

/**
 * A contract that knows of its dataset's changed offer: what the offer makes stricter is planned for the day after
 * its notice, counted from the change; what was planned and is offered no more is planned no more. The same contract
 * where there is nothing to tell.
 */
export function announced(contract: Contract, dataset: Dataset, changedAt: string, now: Date): Contract {
  const { termsChange: planned, ...rest } = contract;
  const terms = tightened(contract.terms, offeredTerms(dataset.offer));
  const binds = canonicalJson(terms) !== canonicalJson(contract.terms);
  if (binds ? planned && canonicalJson(planned.terms) === canonicalJson(terms) : !planned) return contract;
  const deed = { action: 'announce', by: MESH, at: now } as const;
  if (!binds) {
    const reason = "the dataset's offer asks for no change any more";
    return after(rest, ['mesh'], { ...deed, reason }) ?? contract;
  }
  const from = new Date(Date.parse(changedAt) + noticeDaysOf(contract) * DAY_MS).toISOString();
  const told = after(rest, ['mesh'], { ...deed, reason: `the dataset's changed offer binds from ${from}` });
  if (!told) return contract;
  const announcedAt = now.toISOString();
  return { ...told, termsChange: { from, announcedAt, datasetRevision: dataset.revision, terms } };
}
