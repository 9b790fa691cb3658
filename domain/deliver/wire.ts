import { hash } from 'node:crypto';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { BATCHED, toBinary, toStructured } from '../../events/http-binding.ts';
import type { Destination } from '../../schemas/subscription.ts';
import type { RoutedEvent, Sealer, SigningKeys, WebhookRequest } from '../ports.ts';
import { isJsonPayload, isRowsPayload } from '../payloads/claim.ts';
import { payloadLink } from '../payloads/link.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import { acceptedMs } from '../sequence.ts';
import { minimise } from './minimise.ts';
import { deliveredSequence } from './pseudonym.ts';
import type { JudgedEvent, Standing } from './verdict.ts';
import { signatures } from './sign.ts';

/** What a verdict needs to know of a routed event. */
export const judged = ({ sequence, event, payload }: RoutedEvent): JudgedEvent => ({
  type: event.type,
  acceptedAt: new Date(acceptedMs(sequence)),
  jsonData:
    payload !== undefined && isRowsPayload(payload)
      ? true
      : event.data_base64 === undefined &&
        isJson(event.datacontenttype) &&
        (payload === undefined || isJsonPayload(payload)),
});

/** CloudEvents JSON format section 3.1: no content type means JSON; else the subtype is `json` or ends in `+json`. */
function isJson(contentType: string | undefined): boolean {
  return contentType === undefined || /^[^/;]+\/(?:[^/;]+\+)?json\s*(?:;|$)/i.test(contentType);
}

/** What an event is stated with besides what its publisher said. */
export interface Stating {
  /** Where the mesh answers; unknown, events do not say where their schema is. */
  publicUrl?: string | undefined;
  replay?: string | undefined;
  /** The number that its reader knows it by; the event's own unless told. */
  sequence?: string | undefined;
}

/**
 * The event as consumers get it: what the mesh knows of it in the extensions `dataset`, `sequence` and `maillereplay`,
 * and in `dataschema`, where its publisher named none.
 */
export function stated(
  of: RoutedEvent,
  event: CloudEvent,
  { publicUrl, replay, sequence = of.sequence }: Stating = {},
): CloudEvent {
  const unnamed = publicUrl !== undefined && event.dataschema === undefined;
  return {
    ...event,
    ...(unnamed && { dataschema: `${publicUrl}${schemaPath(of)}` }),
    dataset: of.dataset,
    sequence,
    ...(replay !== undefined && { maillereplay: replay }),
  };
}

const schemaPath = ({ dataset, schemaVersion, event }: RoutedEvent): string =>
  `/v1/datasets/${dataset}/types/${encodeURIComponent(event.type)}/schemas/${schemaVersion}`;

/** The event as this contract lets its consumer see it, stated, with a link of its own to large data. */
export async function minimised(
  deps: { sealer: Pick<Sealer, 'derive'>; publicUrl?: string | undefined },
  event: RoutedEvent,
  standing: Pick<Standing, 'contract'>,
  replay?: string,
): Promise<CloudEvent> {
  const { event: seen, sequence } = await minimisedEvent(deps.sealer, event, standing);
  const told = stated(event, seen, { publicUrl: deps.publicUrl, replay, sequence });
  return event.payload === undefined ? told : { ...told, dataref: await linkFor(deps, event, standing) };
}

/** A link to an event's large data: the contract's, or everybody's where nobody signed one. */
export const linkFor = (
  deps: { sealer: Pick<Sealer, 'derive'>; publicUrl?: string | undefined },
  { dataset, key }: RoutedEvent,
  { contract }: Partial<Pick<Standing, 'contract'>>,
): Promise<string> => {
  const signed = contract?.id.startsWith(ID_PREFIXES.contract) ? contract.id : undefined;
  return payloadLink(deps, { dataset, key, contract: signed });
};

/** What a contract's clauses leave of an event, and the number that its consumer knows it by. */
export async function minimisedEvent(
  sealer: Pick<Sealer, 'derive'>,
  event: RoutedEvent,
  { contract }: Pick<Standing, 'contract'>,
): Promise<{ event: CloudEvent; sequence: string }> {
  const clauses = contract?.terms.minimisation ?? [];
  const pseudonymises = contract && clauses.some((clause) => clause.do === 'pseudonymise');
  const scope = pseudonymises && {
    key: await sealer.derive('pseudonyms'),
    contract: contract.id,
    acceptedAt: new Date(acceptedMs(event.sequence)),
    sequence: event.sequence,
  };
  const seen = minimise(event.event, clauses, scope || undefined);
  // The hash of the rows before the clauses would tell what they take away.
  const told = clauses.length > 0 && event.payload !== undefined ? withoutHash(seen) : seen;
  // The mesh's own number of an event would join what two consumers got, too.
  return { event: told, sequence: scope ? deliveredSequence(scope) : event.sequence };
}

const withoutHash = ({ datasha256: _, ...rest }: CloudEvent): CloudEvent => rest as CloudEvent;

/** What an event is sent with. */
export interface Sending extends SigningKeys {
  /** The delivery's id: the same on every attempt. */
  id: string;
  /** When the attempt is made; receivers judge the signature by it. */
  at: Date;
  timeoutMs: number;
  /** As whom the mesh asked the receiver, which each delivery repeats. */
  origin?: string;
}

/** One signed request: a CloudEvent body by the HTTP binding, the headers of Standard Webhooks. */
export function webhookRequest(
  destination: Destination & { kind: 'webhook' },
  event: CloudEvent,
  sending: Sending,
): WebhookRequest {
  return signed(destination, destination.mode === 'binary' ? toBinary(event) : toStructured(event), sending);
}

/**
 * One signed request with several events, each as JSON with its delivery's id in `mailledelivery`. Its `webhook-id` is
 * derived from theirs, and of one alone it is that one's: what fails is tried again alone, under the same id each time.
 */
export function batchRequest(
  destination: Destination & { kind: 'webhook' },
  events: { delivery: string; text: string }[],
  sending: Omit<Sending, 'id'>,
): WebhookRequest {
  const ids = events.map(({ delivery }) => delivery);
  const [first = ''] = ids;
  const id = ids.length === 1 ? first : `bat_${hash('sha256', ids.join()).slice(0, 32)}`;
  const body = `[${events.map(({ text }) => text).join()}]`;
  return signed(destination, { headers: { 'content-type': BATCHED }, body }, { ...sending, id });
}

function signed(
  destination: Destination & { kind: 'webhook' },
  { headers, body }: { headers: Record<string, string>; body: string | Buffer },
  { id, at, timeoutMs, origin, ...keys }: Sending,
): WebhookRequest {
  const timestamp = Math.floor(at.getTime() / 1000);
  return {
    url: destination.url,
    headers: {
      ...destination.headers,
      ...headers,
      'user-agent': 'Maille',
      ...(origin !== undefined && { 'webhook-request-origin': origin }),
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatures(keys, id, timestamp, body),
    },
    body,
    timeoutMs,
  };
}
