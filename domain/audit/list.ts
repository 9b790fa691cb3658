import { encodeTime } from 'ulid';
import type { AuditEntry } from '../../schemas/audit.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import { filteredPage } from '../control.ts';
import type { Page, PageRequest, Registry } from '../ports.ts';
import { strangeCursor } from '../whole-list.ts';
import { aboutOf } from './audited.ts';

const DAY_MS = 86_400_000;
/** How far back entries are told of everybody, unless `from` says another day. */
const DAYS_SHOWN = 30;
/** How many days one page looks through: a page of quiet days ends short, with a cursor. */
const DAYS_PER_PAGE = 31;

/** What narrows the audit; `id` is that of the thing, told with its noun. */
export interface AuditQuery {
  participant?: string | undefined;
  noun?: string | undefined;
  id?: string | undefined;
  action?: string | undefined;
  outcome?: AuditEntry['outcome'] | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** An entry as shown: without what only selects lists. */
export type AuditView = Omit<AuditEntry, 'day' | 'about'>;

/** The audit, newest first: of a thing, of a participant, or of everybody day by day. */
export async function listAudit(
  registry: Pick<Registry, 'list'>,
  query: AuditQuery,
  page: PageRequest,
  now: Date,
): Promise<Page<AuditView>> {
  const found = await select(registry, query, page, now);
  return { items: found.items.map(viewOf), next: found.next };
}

const viewOf = ({ day: _, about: __, ...view }: AuditEntry): AuditView => view;

function select(
  registry: Pick<Registry, 'list'>,
  query: AuditQuery,
  page: PageRequest,
  now: Date,
): Promise<Page<AuditEntry>> {
  const keep = (entry: AuditEntry): boolean => isWanted(entry, query);
  const { participant, noun, id } = query;
  if (noun !== undefined && id !== undefined) {
    const about = aboutOf(noun, id);
    return filteredPage((some) => registry.list('auditOfThing', { about }, some), page, keep);
  }
  if (participant !== undefined)
    return filteredPage((some) => registry.list('auditOfParticipant', { participant }, some), page, keep);
  return dayByDay(registry, query, page, now, keep);
}

function isWanted(
  entry: AuditEntry,
  { participant, noun, id, action, outcome, from, to }: AuditQuery,
): boolean {
  return (
    (participant === undefined || entry.participant === participant) &&
    (noun === undefined || entry.noun === noun) &&
    (id === undefined || entry.subject === id) &&
    (action === undefined || entry.action === action) &&
    (outcome === undefined || entry.outcome === outcome) &&
    (from === undefined || entry.id >= placeAt(from)) &&
    (to === undefined || entry.id < placeAt(to))
  );
}

/** The first id of an instant: ids sort by time. */
const placeAt = (instant: string): string =>
  ID_PREFIXES.audit + encodeTime(Math.max(0, Date.parse(instant)), 10);

/** A cursor of the walk names its day before the cursor of that day's list. */
async function dayByDay(
  registry: Pick<Registry, 'list'>,
  query: AuditQuery,
  page: PageRequest,
  now: Date,
  keep: (entry: AuditEntry) => boolean,
): Promise<Page<AuditEntry>> {
  const last = query.to === undefined ? now.getTime() : Date.parse(query.to) - 1;
  const first = query.from === undefined ? last - DAYS_SHOWN * DAY_MS : Date.parse(query.from);
  let [day, cursor] = page.cursor === undefined ? [dayOf(last), ''] : placeIn(page.cursor);
  const items: AuditEntry[] = [];
  for (let looked = 0; looked < DAYS_PER_PAGE && day >= dayOf(first); looked += 1) {
    const found = await filteredPage(
      (some) => registry.list('auditOfDay', { day }, some),
      { limit: page.limit - items.length, ...(cursor !== '' && { cursor }) },
      keep,
    );
    items.push(...found.items);
    if (found.next !== null) return { items, next: `${day}.${found.next}` };
    day = dayOf(Date.parse(day) - DAY_MS);
    cursor = '';
    if (items.length >= page.limit) break;
  }
  return { items, next: day >= dayOf(first) ? `${day}.` : null };
}

function placeIn(cursor: string): [day: string, cursor: string] {
  const [, day, rest] = /^(\d{4}-\d\d-\d\d)\.(.*)$/.exec(cursor) ?? [];
  if (day === undefined || rest === undefined || Number.isNaN(Date.parse(day))) throw strangeCursor();
  return [day, rest];
}

const dayOf = (instant: number): string => new Date(instant).toISOString().slice(0, 10);
