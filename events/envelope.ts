import type { Fault } from '../schemas/problem.ts';
import { pointerToken } from '../schemas/problem.ts';
import type { CloudEvent } from './cloudevent.ts';
import { dataFaults, isSoundJson } from './data.ts';
import { parseJson, sayPosition } from './json.ts';
import {
  isAttributeText,
  isBase64,
  isInstant,
  isJsonType,
  isMediaType,
  isUri,
  isUriReference,
} from './text.ts';

/** What became of reading an event: the event, or everything that is wrong with it by JSON Pointer. */
export type EnvelopeResult = { event: CloudEvent } | { faults: Fault[] };

/** The longest `id` that is taken. */
export const MAX_ID_LENGTH = 256;
/** The longest `type`: it becomes the detail-type on EventBridge. */
export const MAX_TYPE_LENGTH = 128;
/** The longest value of any other attribute: it must travel as an HTTP header in binary mode. */
export const MAX_ATTRIBUTE_LENGTH = 2048;

const NAME = /^[a-z0-9]+$/;
const MAX_NAME_LENGTH = 64;
const MAX_INTEGER = 2 ** 31;

/**
 * Reads a CloudEvents 1.0 event from its JSON form, parsed (CloudEvents 1.0 and its JSON Event Format). Attributes that
 * are null are absent; JSON given as `data_base64` becomes `data`. `source` may be left out: it is then the empty text,
 * for `sealEvent` to fill in. The event shares its parts with the input.
 */
export function readCloudEvent(input: unknown): EnvelopeResult {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { faults: [{ path: '', message: 'must be a JSON object' }] };
  }
  // Any object can be read by name; what it holds is judged below.
  const members = input as Record<string, unknown>;
  const faults: Fault[] = [];
  let asItIs = members['source'] !== undefined && members['source'] !== null;
  for (const name in members) {
    const value = members[name];
    if (value === null && name !== 'data') {
      asItIs = false;
      continue;
    }
    const message = memberFault(name, value);
    if (message !== undefined) faults.push({ path: `/${pointerToken(name)}`, message });
  }
  required(members, faults);
  const decoded = readData(members, faults);
  if (faults.length > 0) return { faults };
  // Every member of the interface was just judged.
  if (asItIs && !decoded) return { event: members as CloudEvent };
  return { event: tidied(members, decoded) };
}

function required(members: Record<string, unknown>, faults: Fault[]): void {
  for (const name of ['specversion', 'id', 'type']) {
    if (members[name] === undefined || members[name] === null)
      faults.push({ path: `/${name}`, message: 'is required' });
  }
}

/** What is wrong with one member, null and data's own rules apart. */
function memberFault(name: string, value: unknown): string | undefined {
  switch (name) {
    case 'data':
    case 'data_base64':
      return undefined;
    case 'specversion':
      return value === '1.0' ? undefined : 'must be "1.0"';
    case 'id':
      return textFault(value, MAX_ID_LENGTH);
    case 'type':
      return textFault(value, MAX_TYPE_LENGTH);
    case 'subject':
      return textFault(value, MAX_ATTRIBUTE_LENGTH);
    case 'source':
      return formFault(value, isUriReference, 'must be a URI-reference (RFC 3986)');
    case 'time':
      return formFault(value, isInstant, 'must be an instant such as 2026-01-31T08:00:00Z (RFC 3339)');
    case 'datacontenttype':
      return formFault(value, isMediaType, 'must be a media type such as application/json');
    case 'dataschema':
      return formFault(value, isUri, 'must be an absolute URI');
    default:
      return extensionFault(name, value);
  }
}

function textFault(value: unknown, most: number): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  if (value === '') return 'must not be empty';
  if (value.length > most) return `must have at most ${most} characters`;
  return isAttributeText(value)
    ? undefined
    : 'must not have control characters, noncharacters or lone surrogates';
}

const formFault = (value: unknown, form: (text: string) => boolean, message: string): string | undefined =>
  textFault(value, MAX_ATTRIBUTE_LENGTH) ?? (form(value as string) ? undefined : message);

function extensionFault(name: string, value: unknown): string | undefined {
  if (!NAME.test(name)) return 'is not an attribute name: only a-z and 0-9 are allowed';
  if (name.length > MAX_NAME_LENGTH) return `must have a name of at most ${MAX_NAME_LENGTH} characters`;
  switch (typeof value) {
    case 'boolean':
      return undefined;
    case 'number':
      if (Number.isInteger(value) && value >= -MAX_INTEGER && value < MAX_INTEGER) return undefined;
      return 'must be a whole number of 32 bits: give any other number as a string';
    case 'string':
      return value === '' ? undefined : textFault(value, MAX_ATTRIBUTE_LENGTH);
    default:
      return 'must be a string, a boolean or a whole number';
  }
}

/** Judges data; answers JSON decoded from Base64, where the event has that. */
function readData(members: Record<string, unknown>, faults: Fault[]): { data: unknown } | undefined {
  const { data, data_base64: base64, datacontenttype: contentType } = members;
  const json = typeof contentType === 'string' ? isJsonType(contentType) : undefined;
  if (base64 !== undefined && base64 !== null) return readBinary(members, base64, json, faults);
  if (data === undefined) return undefined;
  if (json === false && typeof data !== 'string') {
    faults.push({ path: '/data', message: 'must be a string, because datacontenttype is not JSON' });
  } else if (!isSoundJson(data)) {
    faults.push(...dataFaults(data, '/data'));
  }
  return undefined;
}

function readBinary(
  members: Record<string, unknown>,
  base64: unknown,
  json: boolean | undefined,
  faults: Fault[],
): { data: unknown } | undefined {
  const fault = (message: string): undefined => void faults.push({ path: '/data_base64', message });
  if (members['data'] !== undefined) return fault('must not stand beside data');
  if (typeof base64 !== 'string' || !isBase64(base64))
    return fault('must be a string of padded Base64 (RFC 4648)');
  // Without a datacontenttype nothing may be assumed of binary data (JSON Event Format, section 3.1.2).
  if (json !== true) return undefined;
  const parsed = parseJson(Buffer.from(base64, 'base64').toString());
  if ('at' in parsed) return fault(`must hold JSON, as datacontenttype says: ${sayPosition(parsed.at)}`);
  if (!isSoundJson(parsed.value)) faults.push(...dataFaults(parsed.value, '/data_base64'));
  return { data: parsed.value };
}

function tidied(members: Record<string, unknown>, decoded: { data: unknown } | undefined): CloudEvent {
  const event: Record<string, unknown> = {};
  for (const name in members) {
    if (members[name] !== null || name === 'data') event[name] = members[name];
  }
  if (decoded) {
    delete event['data_base64'];
    event['data'] = decoded.data;
  }
  event['source'] ??= '';
  // Its members are those that were judged, and a source.
  return event as CloudEvent;
}
