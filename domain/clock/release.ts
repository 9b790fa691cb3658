import type { Delivery } from '../../schemas/delivery.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Deliveries, DeliveryMessage, DeliveryQueue, Registry } from '../ports.ts';

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

/**
 * Sends what is due at `now` back to the delivery queue, and only then takes its due date away: what is interrupted
 * is sent twice, never lost. Answers how many were released.
 */
export async function releaseDue(
  deps: {
    registry: Pick<Registry, 'readAll'>;
    deliveries: Pick<Deliveries, 'due' | 'released'>;
    queue: DeliveryQueue;
  },
  now: Date,
): Promise<number> {
  let count = 0;
  for await (const page of deps.deliveries.due(now)) {
    const ids = [...new Set(page.map(({ subscription }) => subscription))];
    const found = await deps.registry.readAll(ids.map((id) => ({ noun: 'subscription', id }) as const));
    const subscriptionOf = new Map(ids.map((id, index) => [id, found[index]]));
    const live = page.flatMap((delivery) => {
      const subscription = subscriptionOf.get(delivery.subscription);
      return subscription ? [{ message: wakeUp(delivery, subscription), delaySeconds: 0 }] : [];
    });
    await deps.queue.send(live);
    await Promise.all(
      page.map(({ id, dueAt }) => dueAt !== undefined && deps.deliveries.released(id, dueAt)),
    );
    count += live.length;
  }
  return count;
}
