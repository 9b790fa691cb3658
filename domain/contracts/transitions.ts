import type { Contract, ContractState } from '../../schemas/contract.ts';

/** What somebody, or the mesh on a day, can do to a contract. */
export type ContractAction =
  | 'offer'
  | 'extend'
  | 'accept'
  | 'reject'
  | 'suspend'
  | 'resume'
  | 'terminate'
  | 'announce'
  | 'bind'
  | 'start'
  | 'expire';

/** In what capacity: a party, the territory's DPO, or the mesh itself when a date has come. */
export type Part = 'provider' | 'consumer' | 'dpo' | 'mesh';

/** One way from one state to another. */
export interface Transition {
  action: ContractAction;
  from: ContractState;
  to: ContractState;
  by: Part;
}

/** What can happen to a contract in force and leaves its state as it is: its revisions and its changed terms. */
const inForce = (state: ContractState): Transition[] => [
  { action: 'offer', from: state, to: state, by: 'provider' },
  ...either('extend', state, state),
  ...either('accept', state, state),
  ...either('reject', state, state),
  { action: 'accept', from: state, to: state, by: 'dpo' },
  { action: 'reject', from: state, to: state, by: 'dpo' },
];

const either = (action: ContractAction, from: ContractState, to: ContractState): Transition[] => [
  { action, from, to, by: 'provider' },
  { action, from, to, by: 'consumer' },
];

/**
 * The whole life of a contract; what is not here cannot happen. From `agreed` it becomes `active` when nothing is
 * still to come: the DPO's decision where the offer asks for it, then the day it starts.
 */
export const TRANSITIONS: readonly Transition[] = [
  { action: 'offer', from: 'requested', to: 'offered', by: 'provider' },
  { action: 'offer', from: 'offered', to: 'offered', by: 'provider' },
  { action: 'offer', from: 'offered', to: 'requested', by: 'consumer' },
  { action: 'accept', from: 'requested', to: 'agreed', by: 'provider' },
  { action: 'accept', from: 'offered', to: 'agreed', by: 'consumer' },
  { action: 'accept', from: 'agreed', to: 'agreed', by: 'dpo' },
  { action: 'reject', from: 'requested', to: 'rejected', by: 'provider' },
  { action: 'reject', from: 'offered', to: 'rejected', by: 'consumer' },
  { action: 'reject', from: 'agreed', to: 'terminated', by: 'dpo' },
  { action: 'start', from: 'agreed', to: 'active', by: 'mesh' },
  ...inForce('active'),
  ...inForce('suspended'),
  ...either('suspend', 'active', 'suspended'),
  ...either('resume', 'suspended', 'active'),
  ...either('terminate', 'requested', 'terminated'),
  ...either('terminate', 'offered', 'terminated'),
  ...either('terminate', 'agreed', 'terminated'),
  ...either('terminate', 'active', 'terminated'),
  ...either('terminate', 'suspended', 'terminated'),
  ...(['agreed', 'active', 'suspended'] as const).flatMap((state): Transition[] => [
    { action: 'announce', from: state, to: state, by: 'mesh' },
    { action: 'bind', from: state, to: state, by: 'mesh' },
  ]),
  { action: 'expire', from: 'agreed', to: 'expired', by: 'mesh' },
  { action: 'expire', from: 'active', to: 'expired', by: 'mesh' },
  { action: 'expire', from: 'suspended', to: 'expired', by: 'mesh' },
];

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
  const { suspendedBy, proposed, termsChange, ...rest } = contract;
  const [stays, over] = [found.to === contract.state, isOver(found.to)];
  return {
    ...rest,
    state: found.to,
    ...(found.to === 'suspended' && { suspendedBy: stays ? (suspendedBy ?? deed.by) : deed.by }),
    ...(proposed && !over && { proposed }),
    ...(termsChange && !over && { termsChange }),
    history: [
      ...contract.history,
      {
        at: deed.at.toISOString(),
        by: deed.by,
        action: deed.action,
        from: contract.state,
        to: found.to,
        ...(deed.reason !== undefined && { reason: deed.reason }),
      },
    ],
    revision: contract.revision + 1,
  };
}

/** Whether nothing can happen to a contract in this state any more. */
export const isOver = (state: ContractState): boolean => !TRANSITIONS.some(({ from }) => from === state);

/** Whether a contract in this state has been agreed and is not over. */
export const isInForce = (state: ContractState): boolean => state === 'active' || state === 'suspended';

/** Whether the territory's DPO still has to decide before the contract can start. */
export const awaitsDpo = ({ approval, state, history }: Contract): boolean =>
  approval === 'provider-and-dpo' &&
  state === 'agreed' &&
  !history.some(
    ({ action = 'accept', from, to }) => action === 'accept' && from === 'agreed' && to === 'agreed',
  );

/** Whose turn it is to accept or reject; undefined where nothing waits for a decision. */
export function turnOf(contract: Contract): 'provider' | 'consumer' | 'dpo' | undefined {
  const { state, proposed } = contract;
  if (state === 'requested') return 'provider';
  if (state === 'offered') return 'consumer';
  if (state === 'agreed') return awaitsDpo(contract) ? 'dpo' : undefined;
  if (!isInForce(state) || !proposed) return undefined;
  if (proposed.agreed) return 'dpo';
  return proposed.by === 'provider' ? 'consumer' : 'provider';
}
