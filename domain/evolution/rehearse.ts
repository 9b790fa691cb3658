import type { Contract } from '../../schemas/contract.ts';
import type { JsonSchema } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { decodeTime } from 'ulid';
import { whole } from '../payloads/claim.ts';
import type { Ledger, LedgerEntry, Payloads, SchemaJudge } from '../ports.ts';

const DAY_MS = 86_400_000;
/** How much a rehearsal looks at, whatever else the dataset has: it answers before its caller gives up. */
const MOST = 5000;
/** What an event with large data counts for, which has to be fetched. */
const LARGE = 50;
/** How many events are read at once. */
const AT_ONCE = 100;
const SHOWN_EVENTS = 5;
const SHOWN_ERRORS = 10;

/** What of the last days' events a draft would have refused. */
export interface Rehearsal {
  days: number;
  /** How many events of the type were judged; `complete` is false where there was more: then those of the latest days. */
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
  let looked = 0;
  for await (const page of latestDaysFirst(deps.ledger, draft.dataset, days, now)) {
    const found = (await deps.ledger.read(page, now)).filter((entry) => entry !== undefined);
    for (const entry of found.filter(({ type }) => type === draft.type)) {
      result.events += 1;
      const event = await wholeEvent(deps.payloads, entry);
      const errors = judge('data' in event ? event.data : event.data_base64);
      if (errors.length === 0) continue;
      failing.push(new Date(decodeTime(entry.sequence)));
      const { id, source, time = '' } = event;
      if (result.first.length < SHOWN_EVENTS)
        result.first.push({ id, source, time, errors: errors.slice(0, SHOWN_ERRORS) });
    }
    looked += found.reduce((sum, { type, payload }) => sum + (payload && type === draft.type ? LARGE : 1), 0);
    result.complete = looked < MOST;
    if (!result.complete) break;
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

/** The keys of the last days' events, some at a time; of a busy dataset the latest days are what can be looked at. */
async function* latestDaysFirst(
  ledger: Pick<Ledger, 'history'>,
  dataset: string,
  days: number,
  now: Date,
): AsyncIterable<string[]> {
  const end = now.getTime() + 1;
  for (let day = 1; day <= days; day += 1) {
    const span = [new Date(end - day * DAY_MS), new Date(end - (day - 1) * DAY_MS)] as const;
    for await (const places of ledger.history(dataset, ...span))
      for (let at = 0; at < places.length; at += AT_ONCE)
        yield places.slice(at, at + AT_ONCE).map(({ key }) => key);
  }
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
