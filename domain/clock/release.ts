import type { Delivery } from '../../schemas/delivery.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Deliveries, DeliveryMessage, DeliveryQueue, Registry } from '../ports.ts';
import { isUnfetched, type ParkDeps, parkUnfetched } from './unfetched.ts';

/** The names a verdict reads, out of the subscription itself. */
export const refsOf = ({
  id,
  contract,
  dataset,
  provider,
  consumer,
}: Subscription): DeliveryMessage['subscription'] => ({
  id,
  contract,
  dataset,
  provider,
  consumer,
});

/** A wake-up for a delivery that waited: it refers to the ledger. */
export const wakeUp = (delivery: Delivery, subscription: Subscription): DeliveryMessage => ({
  subscription: refsOf(subscription),
  event: { key: delivery.event.key, sequence: delivery.event.sequence },
  again: { delivery: delivery.id, attempts: delivery.attemptCount },
});

/** What releasing needs of the world. */
export interface ReleaseDeps extends ParkDeps {
  registry: Pick<Registry, 'readAll' | 'read' | 'write'>;
  deliveries: Pick<Deliveries, 'due' | 'released' | 'replace'>;
  queue: DeliveryQueue;
}

/**
 * Sends what is due at `now` back to the delivery queue, and only then takes its due date away: what is interrupted
 * is sent twice, never lost. What was to be fetched until now is parked. Stops where `goesOn` says no: what is left is due
 * still. Answers how many of each.
 */
export async function releaseDue(
  deps: ReleaseDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<{ released: number; parked: number }> {
  let [released, parked] = [0, 0];
  for await (const page of deps.deliveries.due(now)) {
    const ids = [...new Set(page.map(({ subscription }) => subscription))];
    const found = await deps.registry.readAll(ids.map((id) => ({ noun: 'subscription', id }) as const));
    const subscriptionOf = new Map(ids.map((id, index) => [id, found[index]]));
    const unfetched = Map.groupBy(page.filter(isUnfetched), ({ subscription }) => subscription);
    for (const [id, some] of unfetched)
      parked += await parkUnfetched(deps, subscriptionOf.get(id), some, now);
    const going = page.filter((delivery) => !isUnfetched(delivery));
    released += await release(deps, going, subscriptionOf);
    if (!goesOn()) break;
  }
  return { released, parked };
}

async function release(
  { queue, deliveries }: Pick<ReleaseDeps, 'queue' | 'deliveries'>,
  going: Delivery[],
  subscriptionOf: Map<string, Subscription | undefined>,
): Promise<number> {
  const live = going.flatMap((delivery) => {
    const subscription = subscriptionOf.get(delivery.subscription);
    return subscription ? [{ message: wakeUp(delivery, subscription), delaySeconds: 0 }] : [];
  });
  if (live.length > 0) await queue.send(live);
  await Promise.all(going.map(({ id, dueAt }) => dueAt !== undefined && deliveries.released(id, dueAt)));
  return live.length;
}
