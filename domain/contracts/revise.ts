import type { AskedTerms, Contract, Proposal } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Caller } from '../../schemas/participant.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import { absent } from '../control.ts';
import type { Registry } from '../ports.ts';
import { endingAt } from './dates.ts';
import { isStricterOrEqual } from './stricter.ts';
import { askedTerms, contractDigest, offeredTerms } from './terms.ts';
import { isInForce } from './transitions.ts';

const DAY_MS = 86_400_000;

/** Who has to approve a contract on a dataset: where it holds personal data, the DPO in any case. */
export const approvalOf = ({ offer, personalData }: Dataset): Contract['approval'] =>
  personalData ? 'provider-and-dpo' : offer.approval;

/** The dataset of a contract, as long as it is offered. */
export async function offeredDataset(registry: Pick<Registry, 'read'>, id: string): Promise<Dataset> {
  const dataset = await registry.read('dataset', id);
  if (!dataset) throw absent('dataset', id);
  if (dataset.status === 'retired') throw new ProblemError('conflict', `The dataset ${id} is retired`);
  return dataset;
}

/** Refuses consent to what the dataset offers no more: a changed offer binds new agreements at once. */
export function refuseLooser(
  { purpose, kind, terms }: Pick<Contract, 'purpose' | 'terms'> & { kind?: Proposal['kind'] },
  { offer }: Dataset,
): void {
  // To extend leaves the terms as they stand, until a changed offer binds them on its day.
  if (kind === 'extend') return;
  const errors = isStricterOrEqual(terms, offeredTerms(offer));
  if (!offer.purposes.includes(purpose)) errors.push({ path: '/purpose', message: 'is offered no more' });
  if (errors.length === 0) return;
  throw new ProblemError('conflict', 'The offer of the dataset has changed since: agree on other terms', {
    errors,
  });
}

/** A party's new terms: a counter-offer while the contract is negotiated, and in force a revision that waits. */
export function offered(contract: Contract, dataset: Dataset, asked: AskedTerms, by: Proposer, now: Date) {
  const { terms, faults } = askedTerms(dataset, asked);
  const { until, faults: dateFaults } = within(contract, terms.durationDays, now);
  refuseFaults([...faults, ...dateFaults]);
  const changed = { ...endingAt(contract, until, now), terms, datasetRevision: dataset.revision };
  const digest = contractDigest(changed);
  if (isInForce(contract.state)) return proposing(contract, 'offer', { ...changed, digest }, by, now);
  const consents = [{ by: by.caller.participant, as: by.part, at: now.toISOString(), digest }];
  return { ...changed, digest, consents, approval: approvalOf(dataset) };
}

/** A later end, which the other party accepts or rejects. */
export function extended(contract: Contract, dataset: Dataset, until: string, by: Proposer, now: Date) {
  const changed = { ...contract, until: new Date(until).toISOString() };
  refuseFaults(extensionFaults(contract, dataset, until));
  const digest = contractDigest(changed);
  return proposing(contract, 'extend', { ...changed, digest }, by, now);
}

/** A contract with the revision that all who had to have consented to. */
export function adopted(contract: Contract, proposal: Proposal, now: Date): Contract {
  const { proposed: _, termsChange, ...rest } = contract;
  const { kind, terms, datasetRevision, consents, digest } = proposal;
  // Terms agreed anew are within the changed offer already; an extension leaves them to it.
  const changed = { ...rest, terms, datasetRevision, consents, digest };
  return endingAt(
    kind === 'extend' && termsChange ? { ...changed, termsChange } : changed,
    proposal.until,
    now,
  );
}

/** Who proposes, and as which party. */
export interface Proposer {
  caller: Caller;
  part: 'provider' | 'consumer';
}

function proposing(
  contract: Contract,
  kind: Proposal['kind'],
  { terms, until, datasetRevision, digest }: Contract,
  { caller, part }: Proposer,
  now: Date,
): Contract {
  if (digest === contract.digest)
    refuseFaults([{ path: '/terms', message: 'are those that stand: there is nothing to agree on' }]);
  const at = now.toISOString();
  const proposed: Proposal = {
    kind,
    by: part,
    at,
    datasetRevision,
    terms,
    ...(until !== undefined && { until }),
    digest,
    consents: [{ by: caller.participant, as: part, at, digest }],
    agreed: false,
  };
  return { ...contract, proposed };
}

/** The end of a contract within a duration from its beginning. */
function within({ from, until }: Contract, durationDays: number | undefined, now: Date) {
  if (durationDays === undefined) return { until, faults: [] };
  const last = Date.parse(from) + durationDays * DAY_MS;
  const end = until === undefined ? last : Math.min(last, Date.parse(until));
  const message = `would have ended the contract already, counted from ${from}`;
  const faults: Fault[] = end <= now.getTime() ? [{ path: '/terms/durationDays', message }] : [];
  return { until: new Date(end).toISOString(), faults };
}

function extensionFaults({ until: standing }: Contract, { offer }: Dataset, until: string): Fault[] {
  if (standing === undefined) return [{ path: '/until', message: 'the contract has no end to put off' }];
  if (Date.parse(until) <= Date.parse(standing)) {
    return [{ path: '/until', message: `must be later than the end that stands, ${standing}` }];
  }
  const { durationDays } = offer;
  const last =
    durationDays === undefined ? Number.POSITIVE_INFINITY : Date.parse(standing) + durationDays * DAY_MS;
  if (Date.parse(until) <= last) return [];
  const message = `must be within ${durationDays} days of the end that stands, as offered`;
  return [{ path: '/until', message }];
}

function refuseFaults(errors: Fault[]): void {
  if (errors.length === 0) return;
  throw new ProblemError('not-valid', `The revision is not valid: ${errors.length} error(s)`, { errors });
}
