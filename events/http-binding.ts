import { isUtf8 } from 'node:buffer';
import type { Fault, Problem } from '../schemas/problem.ts';
import type { CloudEvent } from './cloudevent.ts';
import { fromHeaderValue, toHeaderValue } from './header-value.ts';
import { parseJson, sayPosition } from './json.ts';
import { charsetOf, essence, isJsonType } from './text.ts';

/** The media type of one event in structured mode. */
export const STRUCTURED = 'application/cloudevents+json';
/** The media type of a batch. */
export const BATCHED = 'application/cloudevents-batch+json';

/** What an HTTP request holds: candidates for `readCloudEvent`, or why nothing can be read. */
export type ReadRequest =
  { mode: 'single'; event: unknown } | { mode: 'batch'; events: unknown[] } | { problem: Problem };

/** Headers as they came, their names in any case. */
export type Headers = Record<string, string | undefined>;

/**
 * Reads a request by the CloudEvents HTTP binding 1.0: its Content-Type tells the mode. In structured and batched mode
 * the body alone counts, whatever `ce-` headers stand beside it.
 */
export function readRequest({ headers, body }: { headers: Headers; body: Buffer }): ReadRequest {
  const contentType = headerOf(headers, 'content-type') ?? '';
  const media = essence(contentType);
  if (!media.startsWith('application/cloudevents')) return readBinary(headers, contentType, body);
  if (media !== STRUCTURED && media !== BATCHED) {
    return refused('media-type', `${media} is not read here: send ${STRUCTURED} or ${BATCHED}`);
  }
  const parsed = jsonOf(contentType, body);
  if ('problem' in parsed) return parsed;
  if (media === STRUCTURED) return { mode: 'single', event: parsed.value };
  if (!Array.isArray(parsed.value))
    return refused('not-parseable', 'The body of a batch must be a JSON array');
  return { mode: 'batch', events: parsed.value };
}

/** An event in structured mode, ready to be sent. */
export const toStructured = (event: CloudEvent): { headers: Record<string, string>; body: string } => ({
  headers: { 'content-type': STRUCTURED },
  body: JSON.stringify(event),
});

/** An event in binary mode, ready to be sent: attributes as headers, data as the body. */
export function toBinary(event: CloudEvent): { headers: Record<string, string>; body: Buffer } {
  const { data, data_base64: base64, datacontenttype, ...attributes } = event;
  const headers: Record<string, string> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined && value !== null) headers[`ce-${name}`] = toHeaderValue(String(value));
  }
  const contentType = datacontenttype ?? (data === undefined ? undefined : 'application/json');
  if (contentType !== undefined) headers['content-type'] = contentType;
  return { headers, body: bodyOf(data, base64, contentType) };
}

function bodyOf(data: unknown, base64: string | undefined, contentType: string | undefined): Buffer {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (data === undefined) return Buffer.alloc(0);
  if (contentType !== undefined && !isJsonType(contentType)) return Buffer.from(String(data));
  return Buffer.from(JSON.stringify(data));
}

function readBinary(headers: Headers, contentType: string, body: Buffer): ReadRequest {
  const event: Record<string, unknown> = {};
  const errors: Fault[] = [];
  let attributes = 0;
  for (const header in headers) {
    const value = headers[header];
    if (value === undefined || !/^ce-/i.test(header)) continue;
    attributes += 1;
    const name = header.slice(3).toLowerCase();
    const text = fromHeaderValue(value);
    const message = text === undefined ? 'is not percent-encoded UTF-8' : misplaced(name);
    if (message !== undefined) errors.push({ path: `/${name}`, message });
    else event[name] = text;
  }
  if (attributes === 0) {
    const what =
      contentType === '' ? 'A body without a Content-Type' : `${essence(contentType)} without ce- headers`;
    return refused(
      'media-type',
      `${what} is no CloudEvent: send ${STRUCTURED}, ${BATCHED}, or ce- headers (CloudEvents HTTP binding)`,
    );
  }
  if (errors.length > 0) return refused('not-valid', 'The ce- headers are not valid', errors);
  if (contentType !== '') event['datacontenttype'] = contentType;
  const problem = addData(event, contentType, body);
  return problem ? { problem } : { mode: 'single', event };
}

/** Data and its media type never travel in `ce-` headers (HTTP binding, section 3.1.1). */
function misplaced(name: string): string | undefined {
  if (name === 'datacontenttype') return 'comes from Content-Type: it must not also be sent as a header';
  if (name === 'data' || name === 'data_base64')
    return 'comes from the body: it must not be sent as a header';
  return name === '__proto__' ? 'is not an attribute name' : undefined;
}

/** Gives the event its data in the form of the JSON event format, so that both modes are kept the same. */
function addData(event: Record<string, unknown>, contentType: string, body: Buffer): Problem | undefined {
  if (body.length === 0) return undefined;
  if (isJsonType(contentType)) {
    const parsed = jsonOf(contentType, body);
    if ('problem' in parsed) return parsed.problem;
    event['data'] = parsed.value;
  } else if (/^text\//i.test(contentType) && isPlainUtf8(contentType) && isUtf8(body)) {
    event['data'] = body.toString();
  } else {
    event['data_base64'] = body.toString('base64');
  }
  return undefined;
}

function jsonOf(contentType: string, body: Buffer): { value: unknown } | { problem: Problem } {
  if (!isPlainUtf8(contentType)) {
    return refused('media-type', `JSON is read in UTF-8, not in the charset ${charsetOf(contentType) ?? ''}`);
  }
  if (!isUtf8(body)) return refused('not-parseable', 'The body is not UTF-8');
  const parsed = parseJson(body.toString());
  return 'value' in parsed
    ? parsed
    : refused('not-parseable', `The body is not JSON: ${sayPosition(parsed.at)}`);
}

const isPlainUtf8 = (contentType: string): boolean =>
  ['utf-8', 'utf8', 'us-ascii'].includes(charsetOf(contentType) ?? 'utf-8');

const refused = (kind: Problem['kind'], detail: string, errors?: Fault[]): { problem: Problem } => ({
  problem: { kind, detail, ...(errors && { errors }) },
});

function headerOf(headers: Headers, name: string): string | undefined {
  const direct = headers[name];
  if (direct !== undefined) return direct;
  for (const header in headers) if (header.toLowerCase() === name) return headers[header];
  return undefined;
}
