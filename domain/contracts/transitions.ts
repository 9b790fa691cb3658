import type { Contract, ContractState } from '../../schemas/contract.ts';

/** What somebody, or the mesh on a day, can do to a contract. */
export type ContractAction = 'accept' | 'reject' | 'suspend' | 'resume' | 'terminate' | 'start' | 'expire';

/** In what capacity: a party, the territory's DPO, or the mesh itself when a date has come. */
export type Part = 'provider' | 'consumer' | 'dpo' | 'mesh';

/** One way from one state to another. */
export interface Transition {
  action: ContractAction;
  from: ContractState;
  to: ContractState;
  by: Part;
}

const either = (action: ContractAction, from: ContractState, to: ContractState): Transition[] => [
  { action, from, to, by: 'provider' },
  { action, from, to, by: 'consumer' },
];

/**
 * The whole life of a contract; what is not here cannot happen. From `agreed` it becomes `active` when nothing is
 * still to come: the DPO's decision where the offer asks for it, then the day it starts.
 */
export const TRANSITIONS: readonly Transition[] = [
  { action: 'accept', from: 'requested', to: 'agreed', by: 'provider' },
  { action: 'accept', from: 'offered', to: 'agreed', by: 'consumer' },
  { action: 'accept', from: 'agreed', to: 'agreed', by: 'dpo' },
  { action: 'reject', from: 'requested', to: 'rejected', by: 'provider' },
  { action: 'reject', from: 'offered', to: 'rejected', by: 'consumer' },
  { action: 'reject', from: 'agreed', to: 'terminated', by: 'dpo' },
  { action: 'start', from: 'agreed', to: 'active', by: 'mesh' },
  ...either('suspend', 'active', 'suspended'),
  ...either('resume', 'suspended', 'active'),
  ...either('terminate', 'requested', 'terminated'),
  ...either('terminate', 'offered', 'terminated'),
  ...either('terminate', 'agreed', 'terminated'),
  ...either('terminate', 'active', 'terminated'),
  ...either('terminate', 'suspended', 'terminated'),
  { action: 'expire', from: 'agreed', to: 'expired', by: 'mesh' },
  { action: 'expire', from: 'active', to: 'expired', by: 'mesh' },
  { action: 'expire', from: 'suspended', to: 'expired', by: 'mesh' },
];

/** Who a transition of the mesh itself is by, in a contract's history. */
export const MESH = 'mesh';

/** Who did what why, at which instant. */
export interface Deed {
  action: ContractAction;
  by: string;
  at: Date;
  reason?: string | undefined;
}

/** The contract after a deed; undefined where no transition leads from its state for any of these parts. */
export function after(contract: Contract, parts: readonly Part[], deed: Deed): Contract | undefined {
  const found = TRANSITIONS.find(
    ({ action, from, by }) => action === deed.action && from === contract.state && parts.includes(by),
  );
  if (!found) return undefined;
  const { suspendedBy: _, ...rest } = contract;
  return {
    ...rest,
    state: found.to,
    ...(found.to === 'suspended' && { suspendedBy: deed.by }),
    history: [
      ...contract.history,
      {
        at: deed.at.toISOString(),
        by: deed.by,
        from: contract.state,
        to: found.to,
        ...(deed.reason !== undefined && { reason: deed.reason }),
      },
    ],
    revision: contract.revision + 1,
  };
}

/** Whether the territory's DPO still has to decide. */
export const awaitsDpo = ({ approval, state, history }: Contract): boolean =>
  approval === 'provider-and-dpo' &&
  state === 'agreed' &&
  !history.some(({ from, to }) => from === 'agreed' && to === 'agreed');

/** The contract after what its dates bring about at `now`; the same one where they bring nothing. */
export function settled(contract: Contract, now: Date): Contract {
  const parts = ['mesh'] as const;
  if (contract.until !== undefined && Date.parse(contract.until) <= now.getTime()) {
    return after(contract, parts, { action: 'expire', by: MESH, at: now }) ?? contract;
  }
  if (awaitsDpo(contract) || Date.parse(contract.from) > now.getTime()) return contract;
  return after(contract, parts, { action: 'start', by: MESH, at: now }) ?? contract;
}
