/** A run of whole records of a file. */
export interface Block {
  /** Undefined where one is too long to be read, or is not UTF-8. */
  records: (string | undefined)[];
  /** How many bytes of the file they take. */
  bytes: number;
  /** Whether it holds nothing, as the record at its place is longer than is looked for the end of. */
  endless?: true;
}

/** How many times the bytes of a block a record may have: of a longer one the end is not looked for. */
export const LONGEST = 16;

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * The records with which a file goes on, as many as have at most so many bytes, in memory bounded by that. A record
 * ends with its line; in CSV (RFC 4180) not within quotes. Reads no further than it has to.
 */
export async function blockOf(
  file: AsyncIterable<Uint8Array>,
  { quoted, most, rows }: { quoted: boolean; most: number; rows: number },
): Promise<Block> {
  const block: Block = { records: [], bytes: 0 };
  let pieces: Uint8Array[] = [];
  let length = 0;
  const inQuotes = quoted ? quoting() : () => false;
  const close = (): void => {
    block.records.push(length > most ? undefined : textOf(pieces));
    block.bytes += length;
    [pieces, length] = [[], 0];
  };
  // What does not fit any more begins the next block; a record that is too long is one of its own.
  const full = (): Block | undefined => {
    if (block.records.length > 0) return block.bytes + length > most ? block : undefined;
    return length > most * LONGEST ? { ...block, endless: true } : undefined;
  };
  for await (const chunk of file) {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      if (inQuotes(chunk[at]) || chunk[at] !== NEWLINE) continue;
      pieces.push(chunk.subarray(from, at + 1));
      length += at + 1 - from;
      from = at + 1;
      const stop = full();
      if (stop) return stop;
      close();
      if (block.bytes >= most || block.records.length >= rows) return block;
    }
    length += chunk.length - from;
    const stop = full();
    if (stop) return stop;
    if (length > most) pieces = [];
    else pieces.push(chunk.subarray(from));
  }
  if (length > 0) close();
  return block;
}

/**
 * Tells byte by byte whether a CSV is within quotes. They open nowhere but where a field begins: elsewhere one spoils
 * its own record and no other.
 */
function quoting(): (byte: number | undefined) => boolean {
  let within = false;
  // Right after a quote that closes too: two of them stand for one.
  let opens = true;
  let read = 0;
  return (byte) => {
    if (byte === QUOTE) within = !within && opens;
    else if (!within) opens = byte === COMMA || byte === NEWLINE || (opens && byte === BYTE_ORDER_MARK[read]);
    read += 1;
    return within;
  };
}

function textOf(pieces: Uint8Array[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch {
    return undefined;
  }
}
