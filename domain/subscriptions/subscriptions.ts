import type { Attempt } from '../../schemas/delivery.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { standingClause, UNVERIFIED } from '../deliver/verdict.ts';
import { isUnproven } from '../ownership/prove.ts';
import type { Page, PageRequest, Registry } from '../ports.ts';
import {
  liveSubscription,
  ownSubscription,
  type SubscriptionDeps,
  type SubscriptionView,
  viewOf,
} from './deps.ts';

/** The caller's subscriptions. */
export async function listSubscriptions(
  registry: Pick<Registry, 'list'>,
  caller: Caller,
  page: PageRequest,
): Promise<Page<SubscriptionView>> {
  const { items, next } = await registry.list(
    'subscriptionsOfConsumer',
    { consumer: caller.participant },
    page,
  );
  return { items: items.map(viewOf), next };
}

/** One subscription of the caller's. */
export const getSubscription = async (
  registry: Pick<Registry, 'read'>,
  caller: Caller,
  id: string,
): Promise<SubscriptionView> => viewOf(await ownSubscription(registry, caller, id));

/** Sends a test event now; under the gate like every other request to a consumer. */
export async function testSubscription(deps: SubscriptionDeps, caller: Caller, id: string): Promise<Attempt> {
  const subscription = await liveSubscription(deps.registry, caller, id);
  if (subscription.destination.kind === 'pull') {
    throw new ProblemError('conflict', `The subscription ${id} is pulled from: there is nothing to test`);
  }
  const [contract, dataset, provider, consumer] = await deps.registry.readAll([
    { noun: 'contract', id: subscription.contract },
    { noun: 'dataset', id: subscription.dataset },
    { noun: 'participant', id: subscription.provider },
    { noun: 'participant', id: subscription.consumer },
  ] as const);
  const clause = standingClause({ subscription, contract, dataset, provider, consumer }, deps.now());
  // Paused it is not `unverified`, and has shown no more than before.
  const refused = clause ?? (isUnproven(subscription) ? UNVERIFIED : undefined);
  if (refused) throw new ProblemError('conflict', `Nothing passes on this subscription: ${refused}`);
  return deps.sendTest(subscription, deps.now());
}
