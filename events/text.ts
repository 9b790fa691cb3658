const PRINTABLE = /^[ -~]*$/;
const FORBIDDEN = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/**
 * Whether a text is a CloudEvents String: no control characters, noncharacters or lone surrogates (CloudEvents 1.0,
 * "Type System").
 */
export const isAttributeText = (text: string): boolean =>
  PRINTABLE.test(text) || (text.isWellFormed() && !FORBIDDEN.test(text));

const UNRESERVED = "A-Za-z0-9\\-._~!$&'()*+,;=";
const set = (more: string): string => `(?:[${UNRESERVED}${more}]|%[0-9A-Fa-f]{2})*`;
const AUTHORITY = `(?:${set(':')}@)?(?:\\[[0-9A-Fa-f:.]+\\]|\\[v[0-9A-Fa-f]+\\.[${UNRESERVED}:]+\\]|${set('')})(?::\\d*)?`;
const TAIL = `(?:\\?${set(':@/?')})?(?:#${set(':@/?')})?`;
const PATH = set(':@/');
const HIERARCHY = `(?://${AUTHORITY}(?:/${PATH})?|(?!//)${PATH})`;
const URI = new RegExp(`^[A-Za-z][A-Za-z0-9+\\-.]*:${HIERARCHY}${TAIL}$`);
const RELATIVE = new RegExp(
  `^(?:/(?!/)${PATH}|//${AUTHORITY}(?:/${PATH})?|${set('@')}(?:/${PATH})?)${TAIL}$`,
);

/** Whether a text is a URI with a scheme (RFC 3986 section 3); a fragment is let pass, as JSON Schema's `uri` does. */
export const isUri = (text: string): boolean => URI.test(text);

/** Whether a text is a URI or a relative reference (RFC 3986 section 4.1). */
export const isUriReference = (text: string): boolean => RELATIVE.test(text) || URI.test(text);

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const PARAMETER = `[ \\t]*;[ \\t]*(?:${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*"))?`;
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:${PARAMETER})*[ \\t]*$`);
const JSON_TYPE = /^[^/;]+\/(?:[^;]*\+)?json[ \t]*(?:;|$)/i;
const CHARSET = /;[ \t]*charset=(?:"([^"]*)"|([^;\s]*))/i;

/** Whether a text is a media type with optional parameters (RFC 9110 section 8.3.1). */
export const isMediaType = (text: string): boolean => MEDIA_TYPE.test(text);

/** Whether a media type declares JSON: its subtype is `json` or ends in `+json` (CloudEvents JSON format, 3.1.1). */
export const isJsonType = (mediaType: string): boolean => JSON_TYPE.test(mediaType);

/** The type and subtype of a media type in lower case, without parameters. */
export const essence = (mediaType: string): string => (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();

/** The charset parameter in lower case; undefined without one. */
export function charsetOf(mediaType: string): string | undefined {
  const found = CHARSET.exec(mediaType);
  return found ? (found[1] ?? found[2] ?? '').toLowerCase() : undefined;
}

/** Whether a text is padded standard Base64 (RFC 4648 section 4). */
export const isBase64 = (text: string): boolean =>
  text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

const INSTANT =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a text is an instant of RFC 3339 with its offset, on a day that the calendar has; a leap second ends a UTC day. */
export function isInstant(text: string): boolean {
  if (!INSTANT.test(text)) return false;
  const day = Number(text.slice(8, 10));
  if (day > 28 && day > daysOf(Number(text.slice(0, 4)), Number(text.slice(5, 7)))) return false;
  return text.slice(17, 19) !== '60' || endsUtcDay(text);
}

function daysOf(year: number, month: number): number {
  if (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) return 29;
  return DAYS[month - 1] ?? 0;
}

function endsUtcDay(text: string): boolean {
  const minutes = (from: number): number =>
    Number(text.slice(from, from + 2)) * 60 + Number(text.slice(from + 3, from + 5));
  const zulu = /[Zz]$/.test(text);
  const offset = zulu ? 0 : minutes(text.length - 5) * (text.at(-6) === '-' ? -1 : 1);
  return (((minutes(11) - offset) % 1440) + 1440) % 1440 === 1439;
}
