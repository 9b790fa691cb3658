import { canonicalJson, digestOf } from '../../events/canonical.ts';
import type { AskedTerms, Contract, Terms } from '../../schemas/contract.ts';
import type { Dataset, Offer } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import { outlastingFaults } from './outlasting.ts';
import { isStricterOrEqual } from './stricter.ts';

/** The terms that a dataset's offer gives to whoever asks for no others. */
export function offeredTerms(offer: Offer): Terms {
  const { purposes: _, approval: __, ...terms } = offer;
  return terms;
}

/** Terms asked for, completed by the offer, and what makes them looser than it, or void. */
export function askedTerms(
  { offer, retentionDays }: Pick<Dataset, 'offer' | 'retentionDays'>,
  asked: AskedTerms | undefined,
): { terms: Terms; faults: Fault[] } {
  const offered = offeredTerms(offer);
  // What is left out is undefined or absent, and as offered.
  const given = Object.entries(asked ?? {}).filter(([, value]) => value !== undefined);
  const terms: Terms = { ...offered, ...Object.fromEntries(given) };
  const outlasting = outlastingFaults(asked?.minimisation ?? [], retentionDays, '/terms/minimisation');
  return { terms, faults: [...isStricterOrEqual(terms, offered), ...outlasting] };
}

/** SHA-256 over what both parties consent to, as canonical JSON (RFC 8785): what `accept` repeats. */
export function contractDigest(contract: Omit<Contract, 'digest' | 'history' | 'state'>): string {
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
