import type { Attempt } from '../../schemas/delivery.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Ownership } from '../../schemas/ownership.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { absent, type ControlDeps } from '../control.ts';
import type { AskOwner } from '../ownership/ask.ts';
import type { Deliveries, DeliveryQueue, PullQueues, Registry, Rules, Sealer } from '../ports.ts';
import type { Home } from './destination.ts';
import type { CheckWebhookUrl } from './check.ts';

/** What subscriptions need of the world. */
export interface SubscriptionDeps extends ControlDeps {
  rules: Rules;
  /** The shared buses on which rules may be put. */
  buses: string[];
  pullQueues: Pick<PullQueues, 'create' | 'remove'>;
  sealer: Pick<Sealer, 'seal'>;
  checkWebhookUrl: CheckWebhookUrl;
  home: Home;
  /** Sends a test event to a subscription's destination, and tells what came back. */
  sendTest: (subscription: Subscription, now: Date) => Promise<Attempt>;
  deliveries: Pick<Deliveries, 'read' | 'list'>;
  queue: DeliveryQueue;
  /** Asks a receiver whether it wants a subscription's events. */
  askOwner: AskOwner;
  /** Where the mesh answers. */
  publicUrl?: string | undefined;
  territory: Pick<Territory, 'id' | 'secretOverlap' | 'webhookOwnership'>;
}

/** A subscription as shown: its webhook secrets are shown when they are made, and never again. */
export type SubscriptionView = Omit<Subscription, 'secrets' | 'pullQueue' | 'ownership'> & {
  ownership?: Omit<Ownership, 'consent' | 'owing'>;
};

/** What is shown of a subscription. */
export function viewOf({ secrets: _, pullQueue: __, ownership, ...view }: Subscription): SubscriptionView {
  if (!ownership) return view;
  const { consent: ___, owing: ____, ...shown } = ownership;
  return { ...view, ownership: shown };
}

/** A subscription of the caller's own; another one's is not there. */
export async function ownSubscription(
  registry: Pick<Registry, 'read'>,
  caller: Caller,
  id: string,
): Promise<Subscription> {
  const subscription = await registry.read('subscription', id);
  if (subscription?.consumer !== caller.participant) throw absent('subscription', id);
  return subscription;
}

/** A subscription of the caller's own that has not ended. */
export async function liveSubscription(
  registry: Pick<Registry, 'read'>,
  caller: Caller,
  id: string,
): Promise<Subscription> {
  const subscription = await ownSubscription(registry, caller, id);
  if (subscription.status === 'ended') throw new ProblemError('conflict', `The subscription ${id} has ended`);
  return subscription;
}
