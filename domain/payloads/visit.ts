import { createHash } from 'node:crypto';
import { canonicalJson } from '../../events/canonical.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { absent } from '../control.ts';
import { type Standing, verdictOnReading } from '../deliver/verdict.ts';
import { judged, minimisedEvent } from '../deliver/wire.ts';
import { type Reading, readingOf } from '../history/reading.ts';
import type { Clock, Ledger, Payloads, Registry, RoutedEvent, Sealer } from '../ports.ts';
import { routed } from '../route.ts';
import { isJsonPayload, isRowsPayload, rowsOf, whole } from './claim.ts';
import { keepCopy } from './copy.ts';
import { readLink } from './link.ts';

/** What visiting large data needs of the world. */
export interface VisitDeps {
  registry: Pick<Registry, 'read' | 'readAll' | 'list'>;
  ledger: Pick<Ledger, 'read'>;
  payloads: Pick<Payloads, 'read' | 'put' | 'link'>;
  sealer: Pick<Sealer, 'derive'>;
  now: Clock;
}

/** How long a signed URL is good for: a visit may begin no later than this after its verdict. */
export const LINK_SECONDS = 3;

/**
 * The signed URL of an event's large data, good for seconds. The contract is judged on this very visit; where it has
 * clauses on the data, the URL is that of a minimised copy.
 */
export async function visitPayload(deps: VisitDeps, caller: Caller | undefined, id: string): Promise<string> {
  const link = await readLink(deps.sealer, id);
  const dataset = link && (await deps.registry.read('dataset', link.dataset));
  if (!link || !dataset) throw absent('payload', id);
  const reading = (): Promise<Reading> => readingOf(deps, caller, dataset, link.contract, deps.now());
  const first = await reading();
  const [entry] = await deps.ledger.read([link.key], deps.now());
  if (entry?.payload === undefined) throw absent('payload', id);
  const event = routed(entry);
  const name = await seenAs(deps, first, event, entry.payload);
  // Judged again, as late as can be: making a copy takes time.
  const { standing } = await reading();
  if (standing) refuse(verdictOnReading(standing, judged(event), deps.now()));
  return deps.payloads.link(name, LINK_SECONDS);
}

function refuse({ kind, clause }: { kind: string; clause: string }): void {
  if (kind === 'deliver' || kind === 'redact') return;
  throw new ProblemError('conflict', `The contract does not give this data: ${clause}`);
}

/** The name of the data as this reader may see it: its own, or that of a copy that is made now. */
async function seenAs(
  deps: VisitDeps,
  { standing }: Reading,
  event: RoutedEvent,
  name: string,
): Promise<string> {
  // Also where no clause is on the data: the name itself tells which event it is of.
  const redacts = standing?.contract?.terms.minimisation.some((clause) => clause.do !== 'delay');
  if (!standing || !redacts) return name;
  refuse(verdictOnReading(standing, judged(event), deps.now()));
  const body = await deps.payloads.read(name);
  if (!body) throw absent('payload', 'of this event');
  const copied = await copyOf(deps, standing, event, { name, body });
  const scope = `${standing.contract?.id ?? ''} `;
  const digest = createHash('sha256').update(scope).update(copied).digest('hex');
  const { datacontenttype = 'application/octet-stream' } = event.event;
  const contentType = isJsonPayload(name) ? 'application/json' : datacontenttype;
  const stem = `${digest}${name.slice(name.lastIndexOf('.'))}`;
  return keepCopy(deps.payloads, event.key, { stem, body: copied, contentType }, deps.now());
}

/** The data as the contract's clauses leave it, row by row where it is rows; opaque data they do not reach. */
async function copyOf(
  deps: VisitDeps,
  standing: Omit<Standing, 'subscription'>,
  event: RoutedEvent,
  { name, body }: { name: string; body: Buffer },
): Promise<Buffer> {
  if (isJsonPayload(name)) return minimisedJson(deps, standing, event, name, body);
  if (!isRowsPayload(name)) return body;
  const { dataref: _, ...rest } = event.event;
  const lines: string[] = [];
  for (const data of rowsOf(body)) {
    const seen = await minimisedEvent(deps.sealer, { ...event, event: { ...rest, data } }, standing);
    // A row of which nothing is left is still a row.
    lines.push(`${canonicalJson(seen.event.data ?? null)}\n`);
  }
  return Buffer.from(lines.join(''));
}

async function minimisedJson(
  { sealer }: VisitDeps,
  standing: Omit<Standing, 'subscription'>,
  event: RoutedEvent,
  name: string,
  body: Buffer,
): Promise<Buffer> {
  const full = { ...event, event: whole(event.event, name, body) };
  const seen = await minimisedEvent(sealer, full, standing);
  return Buffer.from(canonicalJson(seen.event.data ?? null));
}
