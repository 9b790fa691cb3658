import { canonicalJson } from '../../events/canonical.ts';
import type { Contract } from '../../schemas/contract.ts';
import type { MinimisationClause, Quota } from '../../schemas/dataset.ts';
import { compose } from '../pattern/compose.ts';
import { type ContractSource, odcsDocument } from './odcs.ts';
import { odrlAgreement, policyOf, urn } from './odrl.ts';

/** Everything that one contract says, each in the form in which it is used. */
export interface Compiled {
  /** The canonical contract (RFC 8785). */
  canonical: string;
  /** What the verdict rests on. */
  verdict: Pick<Contract, 'state' | 'from' | 'until' | 'types'> & { clauses: MinimisationClause[] };
  minimisation: MinimisationClause[];
  /** The pattern of a rule without a filter of its own. */
  pattern: string;
  quota: Quota | undefined;
  catalogue: object;
  odcs: object;
  odrl: object;
}

/** Compiles a contract to everything. */
export function compile(source: ContractSource): Compiled {
  const { contract } = source;
  const { state, from, until, types, dataset, terms } = contract;
  return {
    canonical: canonicalJson(contract),
    verdict: {
      state,
      from,
      ...(until !== undefined && { until }),
      ...(types && { types }),
      clauses: terms.minimisation,
    },
    minimisation: terms.minimisation,
    pattern: compose({ dataset, types }),
    quota: terms.quota,
    catalogue: catalogueEntry(source),
    odcs: odcsDocument(source),
    odrl: odrlAgreement(source),
  };
}

/** What a catalogue says of a contract: its dataset (DCAT), with the agreement as its policy. */
export const catalogueEntry = (source: ContractSource): object => ({
  '@id': urn(source.territory, 'dataset', source.dataset.id),
  '@type': 'http://www.w3.org/ns/dcat#Dataset',
  'http://purl.org/dc/terms/identifier': source.dataset.id,
  'http://purl.org/dc/terms/license': source.dataset.licence,
  'http://www.w3.org/ns/odrl/2/hasPolicy': policyOf(source),
});
