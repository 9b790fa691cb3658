import type { Contract } from '../../schemas/contract.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { type ControlDeps, everyItem, overtaken } from '../control.ts';
import { contractNotices } from '../notices.ts';
import { partsOf, readContract } from './contracts.ts';
import { after, awaitsDpo, type ContractAction, type Part, settled, TRANSITIONS } from './transitions.ts';

/** What a person decides, with what the decision needs: consent names its digest, the others a reason. */
export type Decision =
  | { action: 'accept'; digest: string }
  | { action: 'reject' | 'suspend' | 'terminate'; reason: string }
  | { action: 'resume' };

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
  const deed = {
    action: decision.action,
    by: caller.participant,
    at: now,
    reason: 'reason' in decision ? decision.reason : undefined,
  };
  const decided = after(current, parts, deed);
  if (!decided) throw wrongState(current, decision.action);
  const item = settled(decided, now);
  const written = await deps.registry.write([
    { do: 'replace', noun: 'contract', before, item },
    ...contractNotices(othersOf(item, caller, parts), item, now, deps.random),
  ]);
  if (!written) throw overtaken('contract', id);
  return item;
}

/** Brings contracts to where their dates have led: started or expired. Answers how many moved. */
export async function settleContracts(deps: ControlDeps): Promise<number> {
  let moved = 0;
  for await (const { id } of everyItem((page) => deps.registry.list('datasets', {}, page))) {
    const contracts = everyItem((page) => deps.registry.list('contractsOfDataset', { dataset: id }, page));
    for await (const contract of contracts) if (await settleContract(deps, contract)) moved += 1;
  }
  return moved;
}

/** Keeps what a contract's dates brought about, and tells both parties; false when there was nothing, or it moved. */
export async function settleContract(deps: ControlDeps, before: Contract): Promise<boolean> {
  const now = deps.now();
  const item = settled(before, now);
  if (item === before) return false;
  return deps.registry.write([
    { do: 'replace', noun: 'contract', before, item },
    ...contractNotices([item.provider, item.consumer], item, now, deps.random),
  ]);
}

function refuse(contract: Contract, parts: Part[], caller: Caller, decision: Decision): void {
  const { action } = decision;
  const mine = TRANSITIONS.filter(
    (transition) => transition.action === action && parts.includes(transition.by),
  );
  if (mine.length === 0) throw new ProblemError('forbidden', `It is not yours to ${action} this contract`);
  if (!mine.some(({ from }) => from === contract.state)) throw wrongState(contract, action);
  const dpoOnly = contract.state === 'agreed' && (action === 'accept' || action === 'reject');
  if (dpoOnly && !awaitsDpo(contract)) throw wrongState(contract, action);
  if (action === 'resume' && contract.suspendedBy !== caller.participant) {
    throw new ProblemError(
      'forbidden',
      `Only who suspended it resumes it: ${contract.suspendedBy ?? 'nobody'}`,
    );
  }
  if (decision.action === 'accept' && decision.digest !== contract.digest) {
    throw new ProblemError(
      'conflict',
      'The digest is not that of the standing terms: read the contract again',
    );
  }
}

const wrongState = ({ id, state }: Contract, action: ContractAction): ProblemError =>
  new ProblemError('conflict', `The contract ${id} is ${state}: it cannot be made to ${action} now`);

/** The other party; both where the DPO decided. */
function othersOf({ provider, consumer }: Contract, caller: Caller, parts: Part[]): string[] {
  const parties = [provider, consumer];
  return parts.includes('provider') || parts.includes('consumer')
    ? parties.filter((party) => party !== caller.participant)
    : parties;
}
