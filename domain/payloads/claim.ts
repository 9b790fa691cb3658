import { canonicalJson } from '../../events/canonical.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';

/** The most bytes of data that one event may have by HTTPS. */
export const MAX_PAYLOAD_BYTES = 4_000_000;
/** What stands in the ledger where consumers get a link of their own. */
export const CLAIMED = '/v1/payloads';

/** Large data, apart from its event. */
export interface Payload {
  /** Begins with the day on which it is forgotten; ends in how it is to be read. */
  name: string;
  body: Buffer;
  contentType: string;
}

/** Takes large data out of an event that passed every check: what stays refers to it. */
export function claimed(
  event: CloudEvent,
  { key, digest, expires }: { key: string; digest: string; expires: number },
): { event: CloudEvent; payload: Payload } {
  const { data, data_base64: binary, ...rest } = event;
  const day = new Date(expires * 1000).toISOString().slice(0, 10);
  // Content decides the name: an event that clashes with an accepted one leaves that one's data as it is.
  const stem = `until/${day}/${key}.${digest.slice(0, 16)}`;
  const contentType = event.datacontenttype ?? 'application/json';
  const payload =
    binary === undefined
      ? { name: `${stem}.json`, body: Buffer.from(canonicalJson(data)), contentType: 'application/json' }
      : { name: `${stem}.bin`, body: Buffer.from(binary, 'base64'), contentType };
  return { event: { ...rest, dataref: CLAIMED }, payload };
}

/** Whether data kept apart is JSON, which clauses can reach into. */
export const isJsonPayload = (name: string): boolean => name.endsWith('.json');

/** Whether data kept apart is opaque: as its publisher put it, of any size, and for nothing but to be fetched. */
export const isOpaquePayload = (name: string): boolean => name.endsWith('.raw');

/** Whether data kept apart is rows, each of which clauses can reach into. */
export const isRowsPayload = (name: string): boolean => name.endsWith('.ndjson');

/** What is kept with such data: the report of the rows that did not obey, whose paths may tell of persons too. */
export const reportOf = (name: string): string | undefined =>
  isRowsPayload(name) ? name.replace(/(?:\.\d+)?\.[0-9a-f]{16}\.ndjson$/, '.report.ndjson') : undefined;

/** The names of all that goes when an event goes: its data, kept apart, and what is kept with that. */
export const keptWith = (name: string): string[] => [name, ...[reportOf(name) ?? []].flat()];

/** The rows of such data, as they were judged. */
export const rowsOf = (body: Buffer): unknown[] =>
  body
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

/** The event with its data again. */
export const whole = (event: CloudEvent, name: string, body: Buffer): CloudEvent => {
  const { dataref: _, ...rest } = event;
  // What `claimed` wrote: canonical JSON, or the bytes themselves.
  return isJsonPayload(name)
    ? { ...rest, data: JSON.parse(body.toString()) as unknown }
    : { ...rest, data_base64: body.toString('base64') };
};
