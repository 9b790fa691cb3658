import { decodeTime, isValid } from 'ulid';
import type { CloudEvent } from '../../events/cloudevent.ts';
import type { Contract } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { readableDataset } from '../datasets/datasets.ts';
import { coversType, verdictOnReading } from '../deliver/verdict.ts';
import { judged, linkFor, minimised, stated } from '../deliver/wire.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import type {
  Clock,
  Deliveries,
  Ledger,
  LedgerEntry,
  Page,
  PageRequest,
  Quotas,
  Registry,
  RoutedEvent,
  Sealer,
} from '../ports.ts';
import { routed } from '../route.ts';
import { strangeCursor } from '../whole-list.ts';
import { dayOf, quotaPeriod } from '../usage/period.ts';
import { talliesOf } from '../usage/tally.ts';
import { type Reading, readingOf } from './reading.ts';

/** What reading the history needs of the world. */
export interface HistoryDeps {
  registry: Pick<Registry, 'read' | 'readAll' | 'list'>;
  ledger: Pick<Ledger, 'read' | 'history'>;
  sealer: Pick<Sealer, 'derive'>;
  quotas: Pick<Quotas, 'take'>;
  /** Where usage is tallied. */
  deliveries: Pick<Deliveries, 'write'>;
  publicUrl?: string | undefined;
  now: Clock;
}

/** What of the history is asked for. */
export interface HistoryQuery {
  type?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  contract?: string | undefined;
}

/** How many places one call looks at: a rare type then answers a short page with a cursor. */
const MOST_PLACES = 2000;
/** How many events are read at once. */
const CHUNK = 100;
const DAY_MS = 86_400_000;

/**
 * The events of a dataset as the caller may see them, oldest first: open data for everybody, else under an active
 * contract, judged, minimised and counted as a delivery is. What a clause delays is not there until its time has come.
 */
export async function readHistory(
  deps: HistoryDeps,
  caller: Caller | undefined,
  id: string,
  query: HistoryQuery,
  { limit, cursor }: PageRequest,
): Promise<Page<CloudEvent>> {
  const dataset = await readableDataset(deps.registry, caller, id);
  const now = deps.now();
  const reading = await readingOf(deps, caller, dataset, query.contract, now);
  const reached = cursor === undefined ? undefined : placeOf(cursor);
  const found = await entriesOf(deps, dataset, reading, { ...query, limit, reached }, now);
  // Read again, as late as can be: what took long to find must not pass a gate that closed meanwhile.
  const { standing } = await readingOf(deps, caller, dataset, query.contract, deps.now());
  const passing = found.entries.filter(
    (entry) => !standing || passes(verdictOnReading(standing, judged(routed(entry)), deps.now()).kind),
  );
  const taken = await withinQuota(deps, standing?.contract, passing);
  const items = taken.map((entry) => {
    const event = routed(entry);
    return standing ? minimised(deps, event, standing) : ownEvent(deps, event);
  });
  const cut = taken.length < passing.length ? taken.at(-1)?.sequence : undefined;
  const last = cut ?? found.next;
  const events = await Promise.all(items);
  await tally(deps, standing?.contract, events);
  return { items: events, next: last };
}

/** The sequence behind which a page begins. */
function placeOf(cursor: string): string {
  if (isValid(cursor)) return cursor;
  throw strangeCursor();
}

/** Each reading counts, as it does for the quota: before it is handed over, so that nothing is had uncounted. */
async function tally(
  { deliveries, now }: HistoryDeps,
  contract: Contract | undefined,
  events: CloudEvent[],
): Promise<void> {
  // Nobody signed what is open to everybody.
  if (!contract?.id.startsWith(ID_PREFIXES.contract) || events.length === 0) return;
  const at = now();
  const handed = events.map((event) => ({
    delivery: `read ${String(event['sequence'])} ${at.getTime()}`,
    contract,
    day: dayOf(at),
    bytes: Buffer.byteLength(JSON.stringify(event)),
  }));
  await deliveries.write([], talliesOf(handed, at));
}

const passes = (kind: string): boolean => kind === 'deliver' || kind === 'redact';

/** A provider's event as it published it, with a link to large data. */
async function ownEvent(deps: HistoryDeps, event: RoutedEvent): Promise<CloudEvent> {
  const told = stated(event, event.event, deps);
  return event.payload === undefined ? told : { ...told, dataref: await linkFor(deps, event, {}) };
}

interface Found {
  entries: LedgerEntry[];
  /** The sequence of the last event that was looked at; null at the end. */
  next: string | null;
}

async function entriesOf(
  deps: HistoryDeps,
  dataset: Dataset,
  { standing }: Reading,
  { type, from, to, limit, reached }: HistoryQuery & { limit: number; reached: string | undefined },
  now: Date,
): Promise<Found> {
  const { start, end } = spanOf(dataset, standing?.contract, { from, to, reached }, now);
  // What the contract does not cover fills no page: else its consumer would see how much there is.
  const isWanted = (entry: LedgerEntry): boolean =>
    (type === undefined || entry.type === type) && coversType(standing?.contract, entry.type);
  const entries: LedgerEntry[] = [];
  let looked = 0;
  let last: string | undefined;
  for await (const places of deps.ledger.history(dataset.id, start, end)) {
    const behind = places.filter(({ sequence }) => reached === undefined || sequence > reached);
    for (let at = 0; at < behind.length; at += CHUNK) {
      const some = behind.slice(at, at + CHUNK);
      const keys = some.map(({ key }) => key);
      for (const [index, entry] of (await deps.ledger.read(keys, now)).entries()) {
        last = some[index]?.sequence ?? last;
        if (entry && isWanted(entry)) entries.push(entry);
        if (entries.length === limit) return { entries, next: last ?? null };
      }
      looked += some.length;
      if (looked >= MOST_PLACES) return { entries, next: last ?? null };
    }
  }
  return { entries, next: null };
}

/** From when to when there is anything to see: not behind the retention, nor before what a clause delays is due. */
function spanOf(
  { retentionDays }: Dataset,
  contract: Contract | undefined,
  { from, to, reached }: Pick<HistoryQuery, 'from' | 'to'> & { reached: string | undefined },
  now: Date,
): { start: Date; end: Date } {
  const oldest = now.getTime() - retentionDays * DAY_MS;
  const asked =
    reached === undefined ? Date.parse(from ?? new Date(oldest).toISOString()) : decodeTime(reached);
  const newest = now.getTime() + 1 - delayOf(contract);
  const end = to === undefined ? newest : Math.min(Date.parse(to), newest);
  return { start: new Date(Math.max(asked, oldest)), end: new Date(end) };
}

const delayOf = (contract: Contract | undefined): number =>
  Math.max(
    0,
    ...(contract?.terms.minimisation ?? []).map((clause) =>
      clause.do === 'delay' ? milliseconds(clause.by) : 0,
    ),
  );

/** As many as the contract's quota still gives, the oldest first; refused where it gives none of several. */
async function withinQuota(
  { quotas, now }: HistoryDeps,
  contract: Contract | undefined,
  entries: LedgerEntry[],
): Promise<LedgerEntry[]> {
  const period = contract && quotaPeriod(contract, now());
  if (!period || entries.length === 0) return entries;
  const got = await quotas.take(period, entries.length);
  if (got > 0) return entries.slice(0, got);
  const retryAfter = Math.ceil((period.ends.getTime() - now().getTime()) / 1000);
  throw new ProblemError('too-many', `The contract gives no more: quota.${contract.terms.quota?.per}`, {
    retryAfter,
  });
}
