import { randomUUID } from 'node:crypto';
import type { Clock, PullQueues, PullReference } from '../../domain/ports.ts';

interface Held {
  reference: PullReference;
  sentAt: Date;
  lease: string | undefined;
  visibleAt: number;
}

/** The queues of pull destinations in memory. Nothing waits: a receive on an empty queue answers at once. */
export function memoryPullQueues({ clock = () => new Date() }: { clock?: Clock } = {}): PullQueues {
  const queues = new Map<string, Held[]>();
  const now = (): number => clock().getTime();
  const at = (queue: string): Held[] => {
    const held = queues.get(queue);
    if (!held) throw new Error(`There is no queue ${queue}`);
    return held;
  };
  const leased = (queue: string, lease: string): Held | undefined =>
    at(queue).find((held) => held.lease === lease && held.visibleAt > now());

  return {
    async create(subscription) {
      if (!queues.has(subscription)) queues.set(subscription, []);
      return subscription;
    },
    async remove(queue) {
      queues.delete(queue);
    },
    async send(queue, references) {
      const sentAt = clock();
      at(queue).push(
        ...references.map((reference) => ({ reference, sentAt, lease: undefined, visibleAt: 0 })),
      );
    },
    async receive(queue, max, _waitSeconds, leaseSeconds) {
      const visible = at(queue).filter(({ visibleAt }) => visibleAt <= now());
      return visible.slice(0, max).map((held) => {
        const lease = randomUUID();
        Object.assign(held, { lease, visibleAt: now() + leaseSeconds * 1000 });
        return { lease, reference: held.reference, sentAt: held.sentAt };
      });
    },
    async ack(queue, leases) {
      return leases.map((lease) => {
        const held = leased(queue, lease);
        if (held)
          queues.set(
            queue,
            at(queue).filter((other) => other !== held),
          );
        return held !== undefined;
      });
    },
    async extend(queue, leases, seconds) {
      return leases.map((lease) => {
        const held = leased(queue, lease);
        if (held) held.visibleAt = now() + seconds * 1000;
        return held !== undefined;
      });
    },
  };
}
