import type { Bus, DeliveryQueue, RoutedEvent } from '../../domain/ports.ts';
import { matches } from '../../domain/pattern/match.ts';
import type { Pattern } from '../../domain/pattern/flatten.ts';
import { BUS_SOURCE } from '../../events/bus.ts';
import type { MemoryRules } from './rules.ts';

/** What a bus in memory leads to. `refuses` stands for an outage: what it holds of is not taken. */
export interface MemoryBusOptions {
  buses: string[];
  rules: MemoryRules;
  queue: DeliveryQueue;
  refuses?: (event: RoutedEvent, bus: string) => boolean;
}

/** The shared buses in memory: each rule that matches puts the event on the delivery queue. */
export function memoryBus({ buses, rules, queue, refuses = () => false }: MemoryBusOptions): Bus {
  const route = async (event: RoutedEvent, bus: string): Promise<void> => {
    const entry = { source: BUS_SOURCE, 'detail-type': event.event.type, detail: event };
    for (const { pattern, subscription } of rules.on(bus)) {
      // Safe: `rules` took it only because it is JSON, and what composes it makes an object.
      if (!matches(JSON.parse(pattern) as Pattern, entry)) continue;
      await queue.send([{ message: { subscription, event }, delaySeconds: 0 }]);
    }
  };
  return {
    async put(events) {
      const failed: number[] = [];
      for (const [index, event] of events.entries()) {
        const refused = buses.filter((bus) => refuses(event, bus));
        for (const bus of buses) if (!refused.includes(bus)) await route(event, bus);
        if (refused.length > 0) failed.push(index);
      }
      return failed;
    },
  };
}
