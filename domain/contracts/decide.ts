import type { AskedTerms, Contract } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { type ControlDeps, overtaken } from '../control.ts';
import { contractNotices } from '../notices.ts';
import { consentOf, type Given, standingConsents } from './consent.ts';
import { partsOf, readContract } from './contracts.ts';
import { settled } from './dates.ts';
import { dpoNotices } from './dpo.ts';
import { adopted, extended, offered, offeredDataset, type Proposer, refuseLooser } from './revise.ts';
import { after, type ContractAction, isInForce, type Part, TRANSITIONS, turnOf } from './transitions.ts';

/** What a person decides, with what the decision needs: consent names its digest, the others a reason. */
export type Decision =
  | ({ action: 'accept' } & Given)
  | { action: 'reject' | 'suspend' | 'terminate'; reason: string }
  | { action: 'resume' }
  | { action: 'offer'; terms: AskedTerms }
  | { action: 'extend'; until: string };

/** Decides on a contract: one conditional write with its history entry, so that of two that race one wins. */
export async function decide(
  deps: ControlDeps,
  caller: Caller,
  id: string,
  decision: Decision,
): Promise<Contract> {
  const before = await readContract(deps.registry, caller, id);
  const now = deps.now();
  const current = settled(before, now);
  const parts = partsOf(current, caller);
  refuse(current, parts, caller, decision);
  const needsOffer =
    decision.action === 'offer' || decision.action === 'extend' || isConsent(current, decision);
  const dataset = needsOffer ? await offeredDataset(deps.registry, current.dataset) : undefined;
  const changed = await outcome(deps, { contract: current, dataset, parts, caller, now }, decision);
  const item = settled(changed, now);
  const written = await deps.registry.write([
    { do: 'replace', noun: 'contract', before, item },
    // The offer by which it was judged is the one that stands.
    ...(dataset ? [{ do: 'expect', noun: 'dataset', before: dataset } as const] : []),
    ...contractNotices(othersOf(item, caller, parts), item, now, deps.random),
    ...(await dpoNotices(deps, current, item, now)),
  ]);
  if (!written) throw overtaken('contract', id);
  return item;
}

/** A party's acceptance; the DPO's follows one and is judged by no offer. */
const isConsent = (contract: Contract, { action }: Decision): boolean =>
  action === 'accept' && turnOf(contract) !== 'dpo';

interface Situation {
  contract: Contract;
  dataset: Dataset | undefined;
  parts: Part[];
  caller: Caller;
  now: Date;
}

/** The contract after a decision that was not refused. */
async function outcome(deps: ControlDeps, at: Situation, decision: Decision): Promise<Contract> {
  const { contract, parts, caller, now } = at;
  const { action } = decision;
  const proposing = action === 'offer' || action === 'extend';
  const mine = proposing ? [proposerIn(contract, caller)] : deciding(contract, parts, action);
  const reason = 'reason' in decision ? decision.reason : undefined;
  const done = after(contract, mine, { action, by: caller.participant, at: now, reason });
  if (!done) throw wrongState(contract, action);
  if (action === 'accept') return accepted(deps, at, done, decision);
  if (action === 'reject') return withoutRevision(done);
  if (!proposing) return done;
  if (!at.dataset) throw new Error('what is proposed is judged by the offer of the dataset');
  const by: Proposer = { caller, part: proposerIn(contract, caller) };
  return action === 'offer'
    ? offered(done, at.dataset, decision.terms, by, now)
    : extended(done, at.dataset, decision.until, by, now);
}

/** As which party a caller proposes: in its turn the consumer, who may be the provider too. */
const proposerIn = ({ state, provider, consumer }: Contract, { participant }: Caller): Proposer['part'] =>
  participant === provider && !(state === 'offered' && participant === consumer) ? 'provider' : 'consumer';

/** As what a caller decides: what waits for one part is decided by that one only. */
function deciding(contract: Contract, parts: Part[], action: ContractAction): Part[] {
  if (action !== 'accept' && action !== 'reject') return parts;
  const turn = turnOf(contract);
  return turn && parts.includes(turn) ? [turn] : [];
}

async function accepted(
  deps: ControlDeps,
  { contract, dataset, caller, now }: Situation,
  done: Contract,
  given: Given,
): Promise<Contract> {
  const as = turnOf(contract) ?? 'dpo';
  const { consent, faults } = await consentOf(deps.registry, caller, as, given, now);
  if (faults.length > 0) throw new ProblemError('not-valid', 'The consent is not valid', { errors: faults });
  const proposed = isInForce(contract.state) ? contract.proposed : undefined;
  if (dataset)
    refuseLooser({ purpose: contract.purpose, ...(proposed ?? { terms: contract.terms }) }, dataset);
  if (!proposed) return { ...done, consents: [...standingConsents(contract), consent] };
  const agreed = { ...proposed, consents: [...proposed.consents, consent] };
  if (as !== 'dpo' && contract.approval === 'provider-and-dpo')
    return { ...done, proposed: { ...agreed, agreed: true } };
  return adopted(done, agreed, now);
}

function withoutRevision({ proposed: _, ...contract }: Contract): Contract {
  return contract;
}

function refuse(contract: Contract, parts: Part[], caller: Caller, decision: Decision): void {
  const { action } = decision;
  const mine = TRANSITIONS.filter(
    (transition) => transition.action === action && parts.includes(transition.by),
  );
  // A consumer answers an offer by another one; to begin is the provider's.
  const notTheirs = action === 'offer' && !parts.includes('provider') && contract.state !== 'offered';
  if (mine.length === 0 || notTheirs)
    throw new ProblemError('forbidden', `It is not yours to ${action} this contract`);
  if (!mine.some(({ from }) => from === contract.state)) throw wrongState(contract, action);
  if (deciding(contract, parts, action).length === 0) throw wrongState(contract, action);
  if (action === 'resume' && contract.suspendedBy !== caller.participant) {
    throw new ProblemError(
      'forbidden',
      `Only who suspended it resumes it: ${contract.suspendedBy ?? 'nobody'}`,
    );
  }
  const { digest } = (isInForce(contract.state) && contract.proposed) || contract;
  if (decision.action === 'accept' && decision.digest !== digest) {
    throw new ProblemError(
      'conflict',
      'The digest is not that of the terms to be accepted: read the contract again',
    );
  }
}

function wrongState(contract: Contract, action: ContractAction): ProblemError {
  const turn = turnOf(contract);
  const waits = turn ? `; it waits for the ${turn === 'dpo' ? 'DPO' : turn}` : '';
  return new ProblemError(
    'conflict',
    `The contract ${contract.id} is ${contract.state}${waits}: you cannot ${action} it now`,
  );
}

/** The other party; both where the DPO decided. */
function othersOf({ provider, consumer }: Contract, caller: Caller, parts: Part[]): string[] {
  const parties = [provider, consumer];
  return parts.includes('provider') || parts.includes('consumer')
    ? parties.filter((party) => party !== caller.participant)
    : parties;
}
