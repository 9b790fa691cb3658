import type { Clock, DeliveryMessage, DeliveryQueue } from '../../domain/ports.ts';
import { checkDelay } from '../delay.ts';

/** The delivery queue in memory; `take` is what `deliver` is woken with. */
export interface MemoryDeliveryQueue extends DeliveryQueue {
  /** Takes all messages whose delay is over, oldest first. */
  take(): DeliveryMessage[];
}

/** The delivery queue in memory. */
export function memoryDeliveryQueue({
  clock = () => new Date(),
}: { clock?: Clock } = {}): MemoryDeliveryQueue {
  let waiting: { body: string; visibleAt: number }[] = [];
  return {
    async send(messages) {
      for (const { delaySeconds } of messages) checkDelay(delaySeconds);
      const now = clock().getTime();
      for (const { message, delaySeconds } of messages) {
        waiting.push({ body: JSON.stringify(message), visibleAt: now + delaySeconds * 1000 });
      }
    },
    take() {
      const now = clock().getTime();
      const ready = waiting.filter(({ visibleAt }) => visibleAt <= now);
      waiting = waiting.filter(({ visibleAt }) => visibleAt > now);
      // Safe: only `send` fills the queue.
      return ready.map(({ body }) => JSON.parse(body) as DeliveryMessage);
    },
  };
}
