import type { Contract } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Caller, Participant } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { bindingAt } from '../contracts/due.ts';
import { offeredTerms } from '../contracts/terms.ts';
import { everyItem } from '../control.ts';
import { contractClause, type Standing } from '../deliver/verdict.ts';
import type { Registry } from '../ports.ts';

/** Under what a caller reads: what a verdict rests on, or nothing where a provider reads its own. */
export interface Reading {
  standing: Omit<Standing, 'subscription'> | undefined;
}

/** By what right the caller reads a dataset's events, at this instant; throws the problem of having none. */
export async function readingOf(
  deps: { registry: Pick<Registry, 'read' | 'readAll' | 'list'> },
  caller: Caller | undefined,
  dataset: Dataset,
  named: string | undefined,
  now: Date,
): Promise<Reading> {
  if (caller?.participant === dataset.provider) return { standing: undefined };
  const contract = caller && (await contractOf(deps.registry, caller, dataset, named, now));
  if (!contract) refuseUnlessOpen(dataset, caller);
  const [provider, consumer, today = dataset] = await deps.registry.readAll([
    { noun: 'participant', id: dataset.provider },
    { noun: 'participant', id: caller?.participant ?? dataset.provider },
    { noun: 'dataset', id: dataset.id },
  ] as const);
  const parties = { dataset: today, provider, consumer: caller ? consumer : EVERYBODY };
  const asAnybody = { ...parties, contract: openTo(today) };
  const standing = contract ? { ...parties, contract } : asAnybody;
  const clause = contractClause(standing, now);
  if (clause === undefined) return { standing };
  // What is open to everybody is so to who has a contract that does not stand just now, unless it is asked for by name.
  const isOpen =
    named === undefined && today.access === 'open' && contractClause(asAnybody, now) === undefined;
  if (!isOpen) throw new ProblemError('conflict', `Nothing passes: ${clause}`);
  return { standing: asAnybody };
}

function refuseUnlessOpen({ id, access }: Dataset, caller: Caller | undefined): void {
  if (access === 'open') return;
  if (!caller) throw new ProblemError('unauthenticated', `The events of ${id} are not open: send an API key`);
  throw new ProblemError('forbidden', `The events of ${id} are read under an active contract: request one`);
}

/** The contract that is named, or the first active one on the dataset. */
async function contractOf(
  registry: Pick<Registry, 'read' | 'list'>,
  { participant }: Caller,
  dataset: Dataset,
  named: string | undefined,
  now: Date,
): Promise<Contract | undefined> {
  const own = async (id: string): Promise<Contract | undefined> => {
    const contract = await registry.read('contract', id);
    if (contract?.consumer !== participant || contract.dataset !== dataset.id) return undefined;
    return bindingAt(contract, now);
  };
  if (named !== undefined) return own(named);
  const listed = everyItem((page) => registry.list('contractsOfConsumer', { consumer: participant }, page));
  let first: Contract | undefined;
  for await (const { id, dataset: on, state } of listed) {
    if (on !== dataset.id || (state !== 'active' && state !== 'suspended')) continue;
    // The list may lag behind: the contract itself decides.
    const contract = await own(id);
    if (contract?.state === 'active') return contract;
    first ??= contract;
  }
  return first;
}

const EVERYBODY: Participant = {
  id: 'everybody',
  name: 'Everybody',
  roles: ['consumer'],
  contact: { name: '', email: '' },
  status: 'active',
  createdAt: new Date(0).toISOString(),
};

/** What everybody may read of open data: as it is offered. Nobody signs it, and the offer is all that binds. */
const openTo = ({ id, revision, provider, offer, createdAt }: Dataset): Contract => ({
  id: `open ${id}`,
  dataset: id,
  datasetRevision: revision,
  provider,
  consumer: EVERYBODY.id,
  purpose: '',
  from: createdAt,
  terms: withoutQuota(offeredTerms(offer)),
  approval: offer.approval,
  state: 'active',
  history: [],
  digest: '',
  createdAt,
  revision: 1,
});

/** A quota is one consumer's; everybody has none to use up. */
const withoutQuota = ({ quota: _, ...terms }: Contract['terms']): Contract['terms'] => terms;
