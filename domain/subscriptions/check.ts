import type { Contract } from '../../schemas/contract.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { checkFilter } from '../pattern/check.ts';
import { compose } from '../pattern/compose.ts';
import { hiddenPathConflicts } from '../pattern/hidden.ts';

/** The longest event pattern that EventBridge takes (quota "Event pattern size"). */
export const MAX_PATTERN = 2048;

/** Says why a webhook's URL cannot be taken; undefined when it can. */
export type CheckWebhookUrl = (url: string) => string | undefined;

/** What of a subscription is judged. */
export type Wish = Pick<Subscription, 'types' | 'filter'> & { destination?: Subscription['destination'] | undefined };

/** Refuses, with every fault at once, a wish that the contract or EventBridge would not take. */
export function refuseWish(contract: Contract, known: string[], wish: Wish, checkUrl: CheckWebhookUrl): void {
  const errors = [
    ...typeFaults(wish.types ?? [], known),
    ...filterFaults(contract, wish),
    ...destinationFaults(wish.destination, checkUrl),
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

function filterFaults(contract: Contract, { types, filter }: Wish): Fault[] {
  const found = filter ? [...checkFilter(filter), ...hiddenPathConflicts(filter, contract.terms.minimisation)] : [];
  const faults = found.map(({ path, message }) => ({ path: `/filter${path}`, message }));
  if (faults.length > 0) return faults;
  // Counted last: a filter that is refused has no pattern to speak of.
  const pattern = compose({ dataset: contract.dataset, ...(types && { types }), ...(filter && { filter }) });
  if (pattern.length <= MAX_PATTERN) return [];
  const message = `makes a pattern of ${pattern.length} characters with its types; EventBridge takes ${MAX_PATTERN}`;
  return [{ path: filter ? '/filter' : '/types', message }];
}

function destinationFaults(destination: Wish['destination'], checkUrl: CheckWebhookUrl): Fault[] {
  if (destination?.kind !== 'webhook') return [];
  const message = checkUrl(destination.url);
  return message === undefined ? [] : [{ path: '/destination/url', message }];
}
