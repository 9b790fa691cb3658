import type { CloudEvent } from '../events/cloudevent.ts';
import type { Bus, LedgerEntry, RoutedEvent } from './ports.ts';

/** What the ledger's stream tells of an accepted event, as the bus carries it. */
export const routed = (entry: Pick<LedgerEntry, 'key' | 'sequence' | 'dataset' | 'schemaVersion' | 'body'>): RoutedEvent => ({
  key: entry.key,
  sequence: entry.sequence,
  dataset: entry.dataset,
  schemaVersion: entry.schemaVersion,
  // The ledger holds only what `publish` sealed: canonical JSON of a CloudEvent.
  event: JSON.parse(entry.body) as CloudEvent,
});

/** Puts accepted events on the shared buses; answers the indices of those to be routed again. */
export const route = (bus: Bus, events: RoutedEvent[]): Promise<number[]> =>
  events.length === 0 ? Promise.resolve([]) : bus.put(events);
