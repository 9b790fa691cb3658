import type { Contract } from '../../schemas/contract.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { checkSelection } from '../pattern/compose.ts';
import { hiddenPathConflicts } from '../pattern/hidden.ts';
import { type Home, homeFaults } from './destination.ts';

/** Says why a webhook's URL cannot be taken; undefined when it can. */
export type CheckWebhookUrl = (url: string) => string | undefined;

/** What of a subscription is judged. */
export type Wish = Pick<Subscription, 'types' | 'filter'> & {
  destination?: Subscription['destination'] | undefined;
};

/** Refuses, with every fault at once, a wish that the contract or EventBridge would not take. */
export function refuseWish(
  contract: Contract,
  known: string[],
  wish: Wish,
  places: { checkWebhookUrl: CheckWebhookUrl; home: Home },
): void {
  const { types, filter, destination } = wish;
  const errors = [
    ...typeFaults(types ?? [], known),
    ...selectionFaults(contract, { types, filter }),
    ...destinationFaults(destination, places),
  ];
  if (errors.length === 0) return;
  throw new ProblemError('not-valid', `The subscription is not valid: ${errors.length} error(s)`, { errors });
}

const typeFaults = (types: string[], known: string[]): Fault[] =>
  types.flatMap((type, index) =>
    known.includes(type)
      ? []
      : [{ path: `/types/${index}`, message: `must be a type of the contract: ${known.join(', ')}` }],
  );

function selectionFaults(contract: Contract, { types, filter }: Pick<Wish, 'types' | 'filter'>): Fault[] {
  const faults = checkSelection({ dataset: contract.dataset, types, filter });
  // What a filter reaches can only be told of one that is a pattern at all.
  if (faults.length > 0 || !filter) return faults;
  return hiddenPathConflicts(filter, contract.terms.minimisation);
}

function destinationFaults(
  destination: Wish['destination'],
  { checkWebhookUrl, home }: Parameters<typeof refuseWish>[3],
): Fault[] {
  if (destination?.kind !== 'webhook') return destination ? homeFaults(destination, home) : [];
  const message = checkWebhookUrl(destination.url);
  return message === undefined ? [] : [{ path: '/destination/url', message }];
}
