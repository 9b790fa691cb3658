import { canonicalJson, digestOf } from '../../events/canonical.ts';
import type { Contract, Terms } from '../../schemas/contract.ts';
import type { Offer } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';

/** The terms that a dataset's offer gives to whoever asks for no others. */
export function offeredTerms(offer: Offer): Terms {
  const { purposes: _, approval: __, ...terms } = offer;
  return terms;
}

/**
 * Terms asked for, judged against an offer: they may add clauses of minimisation and take none away, and leave the
 * rest as offered. What they leave out is as offered.
 */
export function askedTerms(offer: Offer, asked: Terms | undefined): { terms: Terms; faults: Fault[] } {
  const offered = offeredTerms(offer);
  if (!asked) return { terms: offered, faults: [] };
  const { minimisation, ...rest } = asked;
  const faults: Fault[] = [];
  for (const [name, value] of Object.entries(rest)) {
    // Names of terms, by the schema that both were parsed with.
    const standing = offered[name as keyof Terms];
    if (value === undefined || (standing !== undefined && canonicalJson(value) === canonicalJson(standing)))
      continue;
    const offers = standing === undefined ? 'nothing' : JSON.stringify(standing);
    faults.push({ path: `/terms/${name}`, message: `must be as offered (${offers}) or left out` });
  }
  const given = new Set(minimisation.map((clause) => canonicalJson(clause)));
  for (const clause of offered.minimisation) {
    if (given.has(canonicalJson(clause))) continue;
    faults.push({
      path: '/terms/minimisation',
      message: `must keep the offer's clause ${clause.clause} as it is`,
    });
  }
  return { terms: { ...offered, minimisation }, faults };
}

/** SHA-256 over what both parties consent to, as canonical JSON (RFC 8785): what `accept` repeats. */
export function contractDigest(contract: Omit<Contract, 'digest'>): string {
  const { dataset, datasetRevision, provider, consumer, purpose, types, legalBasis, from, until, terms } =
    contract;
  const consented = {
    dataset,
    datasetRevision,
    provider,
    consumer,
    purpose,
    types,
    legalBasis,
    from,
    until,
    terms,
  };
  // What is absent has no place in JSON; canonical JSON of undefined would be none.
  return digestOf(canonicalJson(JSON.parse(JSON.stringify(consented))));
}
