import type { Contract } from '../../schemas/contract.ts';
import type { JsonSchema } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { decodeTime } from 'ulid';
import { whole } from '../payloads/claim.ts';
import type { Ledger, LedgerEntry, Payloads, SchemaJudge } from '../ports.ts';

const DAY_MS = 86_400_000;
/** How many events a rehearsal looks at: it answers before its caller gives up. */
export const MOST_EVENTS = 5000;
const SHOWN_EVENTS = 5;
const SHOWN_ERRORS = 10;

/** What of the last days' events a draft would have refused. */
export interface Rehearsal {
  days: number;
  /** How many events of the type were judged; `complete` is false where there were more. */
  events: number;
  complete: boolean;
  failing: number;
  /** The first ones that fail; no value of theirs is told. */
  first: { id: string; source: string; time: string; errors: Fault[] }[];
  /** How many of them each contract covered. */
  contracts: { contract: string; consumer: string; failing: number }[];
}

/** Judges the real events of the last days by a draft. */
export async function rehearse(
  deps: {
    ledger: Pick<Ledger, 'read' | 'history'>;
    payloads: Pick<Payloads, 'read'>;
    schemas: Pick<SchemaJudge, 'judge'>;
  },
  draft: { dataset: string; type: string; schema: JsonSchema },
  { days, contracts, now }: { days: number; contracts: Contract[]; now: Date },
): Promise<Rehearsal> {
  const judge = deps.schemas.judge(`draft ${draft.dataset} ${draft.type} ${now.getTime()}`, draft.schema);
  const result: Rehearsal = { days, events: 0, complete: true, failing: 0, first: [], contracts: [] };
  const failing: Date[] = [];
  const from = new Date(now.getTime() - days * DAY_MS);
  for await (const page of deps.ledger.history(draft.dataset, from, new Date(now.getTime() + 1))) {
    const keys = page.map(({ key }) => key);
    const entries = (await deps.ledger.read(keys, now)).filter((entry) => entry?.type === draft.type);
    for (const entry of entries as LedgerEntry[]) {
      result.events += 1;
      const event = await wholeEvent(deps.payloads, entry);
      const errors = judge('data' in event ? event.data : event.data_base64);
      if (errors.length === 0) continue;
      failing.push(new Date(decodeTime(entry.sequence)));
      const { id, source, time = '' } = event;
      if (result.first.length < SHOWN_EVENTS)
        result.first.push({ id, source, time, errors: errors.slice(0, SHOWN_ERRORS) });
    }
    if (result.events < MOST_EVENTS) continue;
    result.complete = false;
    break;
  }
  return {
    ...result,
    failing: failing.length,
    contracts: contracts.map(({ id, consumer, from: start }) => ({
      contract: id,
      consumer,
      failing: failing.filter((at) => at.getTime() >= Date.parse(start)).length,
    })),
  };
}

/** The event as it was published, its large data with it. */
async function wholeEvent(
  payloads: Pick<Payloads, 'read'>,
  { body, payload }: LedgerEntry,
): Promise<CloudEvent> {
  // The ledger holds what `publish` sealed: canonical JSON of a CloudEvent.
  const event = JSON.parse(body) as CloudEvent;
  const data = payload === undefined ? undefined : await payloads.read(payload);
  return payload !== undefined && data ? whole(event, payload, data) : event;
}
