import { decodeTime } from 'ulid';
import { everyItem } from '../control.ts';
import type { Bus, Gap, GapSpan, Ledger, LedgerEntry, Registry, RoutedEvent, RouteGaps } from '../ports.ts';
import { routed } from '../route.ts';

/** What routing again needs of the world. */
export interface RerouteDeps {
  registry: Pick<Registry, 'list'>;
  ledger: Pick<Ledger, 'history' | 'read'>;
  bus: Bus;
  gaps: Pick<RouteGaps, 'setAside'>;
}

/** How many events went, and the span that is left, where there was no time for all of it. */
export interface Rerouted {
  count: number;
  left?: GapSpan;
}

/**
 * Routes the accepted events of a gap again, from the ledger. Derived delivery ids make what did pass the first time
 * harmless. Throws unless all of it was taken. A span may hold more than one beat of the clock can route: when
 * `goesOn` says no, what is left is answered, and is less than before.
 */
export async function reroute(
  deps: RerouteDeps,
  gap: Gap,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<Rerouted> {
  if ('keys' in gap) return { count: await putAgain(deps, await deps.ledger.read(gap.keys, now)) };
  let count = 0;
  for await (const { id: dataset } of everyItem((page) => deps.registry.list('datasets', {}, page))) {
    if (gap.done && dataset < gap.done.dataset) continue;
    const from = gap.done?.dataset === dataset ? gap.done.before : gap.from;
    for await (const page of deps.ledger.history(dataset, from, gap.to)) {
      const keys = page.map(({ key }) => key);
      count += await putAgain(deps, await deps.ledger.read(keys, now));
      const last = page.at(-1);
      const before = last && new Date(decodeTime(last.sequence));
      // Events of one millisecond are never parted: what is left begins later than this time.
      if (before && before > from && !goesOn()) return { count, left: { ...gap, done: { dataset, before } } };
    }
  }
  return { count };
}

async function putAgain({ bus, gaps }: RerouteDeps, entries: (LedgerEntry | undefined)[]): Promise<number> {
  const events: RoutedEvent[] = [];
  for (const entry of entries) {
    if (!entry) continue;
    try {
      events.push(routed(entry));
    } catch (error) {
      await gaps.setAside({ key: entry.key, because: String(error) });
    }
  }
  const failed = events.length === 0 ? [] : await bus.put(events);
  if (failed.length > 0)
    throw new Error(`${failed.length} of ${events.length} events were not taken by the bus`);
  return events.length;
}
