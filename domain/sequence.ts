/** The digits of a ULID, Crockford's base 32: what the ledger numbers its events with. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** The value of each digit, by its character's code. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, CROCKFORD.indexOf(String.fromCharCode(code))),
);

/** All pairs of digits, by the ten bits that they stand for. */
const PAIRS = Array.from(
  { length: 1024 },
  (_, bits) => CROCKFORD.charAt(bits >> 5) + CROCKFORD.charAt(bits & 31),
);

/** How many of its characters tell the millisecond. */
export const TIME_LENGTH = 10;

/** When an event was accepted, in milliseconds since 1970: told by its sequence, which the mesh itself has made. */
export const acceptedMs = (sequence: string): number => valueOf(sequence, 0, TIME_LENGTH);

function valueOf(digits: string, from: number, length: number): number {
  let value = 0;
  for (let place = from; place < from + length; place += 1)
    value = value * 32 + (DIGITS[digits.charCodeAt(place)] ?? 0);
  return value;
}

/** Writes the 128 bits of a sequence over 16 bytes: 48 of its time, 80 of chance. */
export function writeSequence(sequence: string, block: Buffer): void {
  block.writeUIntBE(acceptedMs(sequence), 0, 6);
  block.writeUIntBE(valueOf(sequence, TIME_LENGTH, 8), 6, 5);
  block.writeUIntBE(valueOf(sequence, TIME_LENGTH + 8, 8), 11, 5);
}

/** 128 bits as the text of a sequence. */
export function sequenceFrom(block: Buffer): string {
  const time = block.readUIntBE(0, 6);
  const [first, others] = [Math.floor(time / 2 ** 40), time % 2 ** 40];
  return pairOf(first) + eightOf(others) + chanceFrom(block);
}

/** What follows the time in the text of a sequence, of its 128 bits. */
export const chanceFrom = (block: Buffer): string =>
  eightOf(block.readUIntBE(6, 5)) + eightOf(block.readUIntBE(11, 5));

const pairOf = (bits: number): string => PAIRS[bits] ?? '';

/** The digits of 40 bits. */
function eightOf(bits: number): string {
  const [high, low] = [Math.floor(bits / 2 ** 20), bits % 2 ** 20];
  return pairOf(high >> 10) + pairOf(high & 1023) + pairOf(low >> 10) + pairOf(low & 1023);
}
