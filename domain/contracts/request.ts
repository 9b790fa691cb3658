import type { Consent, Contract, ContractRequest, Terms } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Caller } from '../../schemas/participant.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import { absent, type ControlDeps, overtaken } from '../control.ts';
import { isVisible } from '../datasets/datasets.ts';
import { newId } from '../ids.ts';
import { contractNotices } from '../notices.ts';
import { consentOf } from './consent.ts';
import { endingAt, settled } from './dates.ts';
import { dpoNotices } from './dpo.ts';
import { approvalOf } from './revise.ts';
import { askedTerms, contractDigest } from './terms.ts';
import { after } from './transitions.ts';

const DAY_MS = 86_400_000;

/**
 * Requests a contract on a dataset. Where the offer is approved automatically it is agreed, and active, at once: the
 * offer is the provider's standing consent. A dry run answers the contract as it would be and keeps nothing.
 */
export async function requestContract(
  deps: ControlDeps,
  caller: Caller,
  request: ContractRequest,
  { dryRun }: { dryRun: boolean },
): Promise<Contract> {
  const dataset = await deps.registry.read('dataset', request.dataset);
  if (!dataset || !isVisible(dataset, caller)) throw absent('dataset', request.dataset);
  if (dataset.status === 'retired')
    throw new ProblemError('conflict', `The dataset ${dataset.id} is retired`);
  const now = deps.now();
  const contract = await drafted(deps, dataset, caller, request);
  if (request.digest !== undefined && request.digest !== contract.digest) {
    const detail = `The digest is ${contract.digest} now: repeat from and until as the dry run gave them, or read the offer again`;
    throw new ProblemError('conflict', detail);
  }
  if (dryRun) return contract;
  const written = await deps.registry.write([
    // The offer that was consented to is the one that stands.
    { do: 'expect', noun: 'dataset', before: dataset },
    { do: 'create', noun: 'contract', item: contract },
    ...contractNotices([contract.provider], contract, now, deps.random),
    ...(await dpoNotices(deps, undefined, contract, now)),
  ]);
  if (!written) throw overtaken('dataset', dataset.id);
  return contract;
}

async function drafted(
  deps: ControlDeps,
  dataset: Dataset,
  caller: Caller,
  request: ContractRequest,
): Promise<Contract> {
  const now = deps.now();
  const { terms, faults } = askedTerms(dataset, request.terms);
  const { from, until, faults: dateFaults } = dated(terms, request, now);
  const { purpose, types, legalBasis } = request;
  const draft: Omit<Contract, 'digest'> = {
    id: newId('contract', now, deps.random),
    dataset: dataset.id,
    datasetRevision: dataset.revision,
    provider: dataset.provider,
    consumer: caller.participant,
    purpose,
    ...(types && { types }),
    ...(legalBasis !== undefined && { legalBasis }),
    from,
    terms,
    approval: approvalOf(dataset),
    state: 'requested',
    history: [
      { at: now.toISOString(), by: caller.participant, action: 'request', from: null, to: 'requested' },
    ],
    createdAt: now.toISOString(),
    revision: 1,
  };
  const ending = endingAt({ ...draft, digest: '' }, until, now);
  const digest = contractDigest(ending);
  const given = { digest, signature: request.signature };
  const { consent, faults: unproven } = await consentOf(deps.registry, caller, 'consumer', given, now);
  const errors = [...requestFaults(dataset, request), ...dateFaults, ...faults, ...unproven];
  if (errors.length > 0) {
    throw new ProblemError('not-valid', `The request is not valid: ${errors.length} error(s)`, { errors });
  }
  const requested: Contract = { ...ending, digest, consents: [consent] };
  return dataset.offer.approval === 'automatic' ? acceptedAtOnce(requested, now) : requested;
}

/** The offer is the provider's standing consent. */
function acceptedAtOnce(requested: Contract, now: Date): Contract {
  const { provider, digest, consents = [] } = requested;
  const deed = {
    action: 'accept',
    by: provider,
    at: now,
    reason: 'automatic: the offer stands',
  } as const;
  const agreed = after(requested, ['provider'], deed) ?? requested;
  const consent: Consent = { by: provider, as: 'provider', at: now.toISOString(), digest };
  return { ...settled({ ...agreed, consents: [...consents, consent] }, now), revision: 1 };
}

function requestFaults(dataset: Dataset, { purpose, legalBasis, types }: ContractRequest): Fault[] {
  const faults: Fault[] = [];
  const { purposes } = dataset.offer;
  if (!purposes.includes(purpose)) {
    faults.push({ path: '/purpose', message: `must be one of those offered: ${purposes.join(', ')}` });
  }
  if (dataset.personalData && legalBasis === undefined) {
    faults.push({ path: '/legalBasis', message: 'is required: the dataset holds personal data' });
  }
  const known = dataset.types.map(({ type }) => type);
  for (const [index, type] of (types ?? []).entries()) {
    if (!known.includes(type)) {
      faults.push({ path: `/types/${index}`, message: `must be a type of the dataset: ${known.join(', ')}` });
    }
  }
  return faults;
}

/**
 * A contract without dates begins with the present day (UTC), so that a dry run and the request that repeats its
 * digest agree; and ends when the offer's duration is over.
 */
function dated(
  { durationDays }: Terms,
  request: ContractRequest,
  now: Date,
): { from: string; until: string | undefined; faults: Fault[] } {
  const faults: Fault[] = [];
  const start =
    request.from === undefined ? Math.floor(now.getTime() / DAY_MS) * DAY_MS : Date.parse(request.from);
  const longest = durationDays === undefined ? Number.POSITIVE_INFINITY : start + durationDays * DAY_MS;
  const end = request.until === undefined ? longest : Date.parse(request.until);
  if (request.until !== undefined) {
    if (end <= start) faults.push({ path: '/until', message: 'must be after from' });
    if (end <= now.getTime()) faults.push({ path: '/until', message: 'must lie in the future' });
    if (end > longest) {
      faults.push({
        path: '/until',
        message: `must be within ${durationDays} days of from, as offered`,
      });
    }
  } else if (end <= now.getTime()) {
    faults.push({ path: '/from', message: `lies further back than the ${durationDays} days offered` });
  }
  const until = end > LAST_INSTANT ? undefined : new Date(end).toISOString();
  return { from: new Date(start).toISOString(), until, faults };
}

/** The end of the year 9999: beyond it RFC 3339 has no instants. */
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
