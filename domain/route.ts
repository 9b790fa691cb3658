import type { CloudEvent } from '../events/cloudevent.ts';
import type { Bus, LedgerEntry, RoutedEvent, RouteGaps } from './ports.ts';

/** How often the bus is asked to take what it refused, before that waits for the clock. */
const TRIES = 3;

/** What the ledger tells of an accepted event, as the bus carries it. */
export const routed = (
  entry: Pick<LedgerEntry, 'key' | 'sequence' | 'dataset' | 'schemaVersion' | 'payload' | 'body'>,
): RoutedEvent => ({
  key: entry.key,
  sequence: entry.sequence,
  dataset: entry.dataset,
  schemaVersion: entry.schemaVersion,
  ...(entry.payload !== undefined && { payload: entry.payload }),
  // The ledger holds only what `publish` sealed: canonical JSON of a CloudEvent.
  event: JSON.parse(entry.body) as CloudEvent,
});

/**
 * Puts accepted events on the shared buses. What they do not take, tried again, is reported as a gap, for the clock to
 * route again from the ledger: nothing is lost, and nothing stands in the way of what follows. Throws only when not
 * even the gap was taken; then all of it must come again. Answers how many are waiting as gaps.
 */
export async function route(
  {
    bus,
    gaps,
    pause,
  }: { bus: Bus; gaps: Pick<RouteGaps, 'report'>; pause: (tried: number) => Promise<void> },
  events: RoutedEvent[],
): Promise<number> {
  let open = events;
  for (let tried = 0; open.length > 0 && tried < TRIES; tried += 1) {
    if (tried > 0) await pause(tried);
    const failed = await bus.put(open);
    open = failed.flatMap((index) => open[index] ?? []);
  }
  if (open.length > 0) await gaps.report({ keys: open.map(({ key }) => key) });
  return open.length;
}
