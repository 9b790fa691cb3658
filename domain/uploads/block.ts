/** A run of whole records of a file. */
export interface Block {
  /** Undefined where one is too long to be read, or is not UTF-8. */
  records: (string | undefined)[];
  /** How many bytes of the file they take. */
  bytes: number;
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;

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
  let inQuotes = false;
  const close = (): void => {
    block.records.push(length > most ? undefined : textOf(pieces));
    block.bytes += length;
    [pieces, length] = [[], 0];
  };
  for await (const chunk of file) {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      if (quoted && chunk[at] === QUOTE) inQuotes = !inQuotes;
      if (chunk[at] !== NEWLINE || inQuotes) continue;
      pieces.push(chunk.subarray(from, at + 1));
      length += at + 1 - from;
      from = at + 1;
      // What does not fit any more begins the next block; a record that is too long is one of its own.
      if (block.records.length > 0 && block.bytes + length > most) return block;
      close();
      if (block.bytes >= most || block.records.length >= rows) return block;
    }
    length += chunk.length - from;
    if (block.records.length > 0 && block.bytes + length > most) return block;
    if (length > most) pieces = [];
    else pieces.push(chunk.subarray(from));
  }
  if (length > 0) close();
  return block;
}

function textOf(pieces: Uint8Array[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch {
    return undefined;
  }
}
