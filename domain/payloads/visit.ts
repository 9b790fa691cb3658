import { createHash, createHmac } from 'node:crypto';
import { canonicalJson } from '../../events/canonical.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { absent } from '../control.ts';
import { type Standing, verdictOnReading } from '../deliver/verdict.ts';
import { judged, minimisedEvent } from '../deliver/wire.ts';
import { type Reading, readingOf } from '../history/reading.ts';
import type { Clock, Ledger, Payloads, Registry, RoutedEvent, Sealer } from '../ports.ts';
import { routed } from '../route.ts';
import { isJsonPayload, isOpaquePayload, isRowsPayload, rowsOf, whole } from './claim.ts';
import { keepCopy, keepWhole } from './copy.ts';
import { readLink } from './link.ts';

/** What visiting large data needs of the world. */
export interface VisitDeps {
  registry: Pick<Registry, 'read' | 'readAll' | 'list'>;
  ledger: Pick<Ledger, 'read'>;
  payloads: Pick<Payloads, 'read' | 'put' | 'names' | 'copy' | 'link'>;
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
  // Judged again, as late as can be: making a copy takes time, in which the event may be erased too.
  const [{ standing }, [still]] = await Promise.all([reading(), deps.ledger.read([link.key], deps.now())]);
  if (still?.payload !== entry.payload) throw absent('payload', id);
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
  const scope = `${standing.contract?.id ?? ''} `;
  const { datacontenttype = 'application/octet-stream' } = event.event;
  if (isOpaquePayload(name)) return wholeCopy(deps, scope, event.key, name, datacontenttype);
  const body = await deps.payloads.read(name);
  if (!body) throw absent('payload', 'of this event');
  const copied = await copyOf(deps, standing, event, { name, body });
  const digest = createHash('sha256').update(scope).update(copied).digest('hex');
  const contentType = isJsonPayload(name) ? 'application/json' : datacontenttype;
  const stem = `${digest}${endingOf(name)}`;
  return keepCopy(deps.payloads, event.key, { stem, body: copied, contentType }, deps.now());
}

/** Opaque data under another name, which cannot be its digest: it may be gigabytes, and is never read here. */
async function wholeCopy(
  { sealer, payloads, now }: VisitDeps,
  scope: string,
  key: string,
  from: string,
  contentType: string,
): Promise<string> {
  const secret = await sealer.derive('payload copies');
  const stem = `${createHmac('sha256', secret).update(`${scope}${from}`).digest('hex')}${endingOf(from)}`;
  const name = await keepWhole(payloads, key, { from, stem, contentType }, now());
  if (name === undefined) throw absent('payload', 'of this event');
  return name;
}

const endingOf = (name: string): string => name.slice(name.lastIndexOf('.'));

/** The data as the contract's clauses leave it, row by row where it is rows; bytes they do not reach. */
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
