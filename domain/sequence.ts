/** The digits of a ULID, Crockford's base 32: what the ledger numbers its events with. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** The value of each digit, by its character's code. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, CROCKFORD.indexOf(String.fromCharCode(code))),
);

/** How many of its characters tell the millisecond. */
export const TIME_LENGTH = 10;

/** When an event was accepted, in milliseconds since 1970: told by its sequence, which the mesh itself has made. */
export function acceptedMs(sequence: string): number {
  let ms = 0;
  for (let place = 0; place < TIME_LENGTH; place += 1)
    ms = ms * 32 + (DIGITS[sequence.charCodeAt(place)] ?? 0);
  return ms;
}

/** The 128 bits of a sequence. */
export function blockOf(sequence: string): Buffer {
  const block = Buffer.alloc(16);
  let bits = 0;
  let held = 0;
  let at = 15;
  for (let place = sequence.length - 1; place >= 0 && at >= 0; place -= 1) {
    bits |= (DIGITS[sequence.charCodeAt(place)] ?? 0) << held;
    held += 5;
    while (held >= 8 && at >= 0) {
      block[at] = bits & 255;
      at -= 1;
      bits >>>= 8;
      held -= 8;
    }
  }
  if (at >= 0) block[at] = bits & 255;
  return block;
}

/** 128 bits as the text of a sequence. */
export function sequenceFrom(block: Buffer): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (let at = block.length - 1; at >= 0; at -= 1) {
    bits |= (block[at] ?? 0) << held;
    held += 8;
    while (held >= 5) {
      text = CROCKFORD.charAt(bits & 31) + text;
      bits >>>= 5;
      held -= 5;
    }
  }
  return held > 0 ? CROCKFORD.charAt(bits & 31) + text : text;
}
