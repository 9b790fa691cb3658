import type { Bus, Ledger, Registry, RouteGap } from '../ports.ts';
import { route, routed } from '../route.ts';

/**
 * Routes everything that was accepted in a gap again, from the ledger's time index. Derived delivery ids make what did
 * pass the first time harmless. Throws unless all of it was taken. Answers how many events went.
 */
export async function reroute(
  deps: { registry: Pick<Registry, 'list'>; ledger: Pick<Ledger, 'history' | 'read'>; bus: Bus },
  gap: Pick<RouteGap, 'from' | 'to'>,
  now: Date,
): Promise<number> {
  let count = 0;
  for await (const dataset of datasets(deps.registry)) {
    for await (const page of deps.ledger.history(dataset, gap.from, gap.to)) {
      const entries = await deps.ledger.read(page.map(({ key }) => key), now);
      const events = entries.flatMap((entry) => (entry ? [routed(entry)] : []));
      const failed = await route(deps.bus, events);
      if (failed.length > 0) throw new Error(`${failed.length} of ${events.length} events were not taken by the bus`);
      count += events.length;
    }
  }
  return count;
}

async function* datasets(registry: Pick<Registry, 'list'>): AsyncIterable<string> {
  let cursor: string | undefined;
  do {
    const page = await registry.list('datasets', {}, { limit: 200, ...(cursor !== undefined && { cursor }) });
    for (const { id } of page.items) yield id;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
