import type { Bus, Gap, Ledger, LedgerEntry, Registry } from '../ports.ts';
import { routed } from '../route.ts';

/** What routing again needs of the world. */
export interface RerouteDeps {
  registry: Pick<Registry, 'list'>;
  ledger: Pick<Ledger, 'history' | 'read'>;
  bus: Bus;
}

/**
 * Routes the accepted events of a gap again, from the ledger. Derived delivery ids make what did pass the first time
 * harmless. Throws unless all of it was taken. Answers how many events went.
 */
export async function reroute(deps: RerouteDeps, gap: Gap, now: Date): Promise<number> {
  if ('keys' in gap) return putAgain(deps.bus, await deps.ledger.read(gap.keys, now));
  let count = 0;
  for await (const dataset of datasets(deps.registry)) {
    for await (const page of deps.ledger.history(dataset, gap.from, gap.to)) {
      const keys = page.map(({ key }) => key);
      count += await putAgain(deps.bus, await deps.ledger.read(keys, now));
    }
  }
  return count;
}

async function putAgain(bus: Bus, entries: (LedgerEntry | undefined)[]): Promise<number> {
  const events = entries.flatMap((entry) => (entry ? [routed(entry)] : []));
  const failed = events.length === 0 ? [] : await bus.put(events);
  if (failed.length > 0)
    throw new Error(`${failed.length} of ${events.length} events were not taken by the bus`);
  return events.length;
}

async function* datasets(registry: Pick<Registry, 'list'>): AsyncIterable<string> {
  let cursor: string | undefined;
  do {
    const page = await registry.list('datasets', {}, { limit: 200, ...(cursor !== undefined && { cursor }) });
    for (const { id } of page.items) yield id;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
