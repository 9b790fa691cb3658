const TO_ENCODE = /[^\x21\x23\x24\x26-\x7e]+/gu;

/**
 * An attribute's value as an HTTP header: space, double quote, percent and all that is not printable ASCII
 * percent-encoded as UTF-8 (CloudEvents HTTP binding 1.0, section 3.1.3.2).
 */
export const toHeaderValue = (value: string): string => value.replace(TO_ENCODE, encodeURIComponent);

/**
 * The attribute's value of an HTTP header: a quoted string is unquoted (RFC 9110 section 5.6.4), then percent-decoded,
 * once. A percent sign that begins no encoded byte stays. Undefined where encoded bytes are not UTF-8.
 */
export function fromHeaderValue(header: string): string | undefined {
  const quoted = header.length > 1 && header.startsWith('"') && header.endsWith('"');
  const text = quoted ? header.slice(1, -1).replace(/\\(.)/gs, '$1') : header;
  if (!text.includes('%')) return text;
  try {
    return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeURIComponent);
  } catch {
    return undefined;
  }
}
