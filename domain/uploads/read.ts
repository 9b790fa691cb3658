import { createHash } from 'node:crypto';
import { createSHA256 } from 'hash-wasm';
import type { Problem } from '../../schemas/problem.ts';
import type { Upload } from '../../schemas/upload.ts';

/** How a file was read: as far as one call may, with the state of its hash there; to its end; or it is another file. */
export type Read = { text?: string } | { problem: Problem } | { read: NonNullable<Upload['read']> };

/** Reads a file once, in bounded memory: what is not read whole is only hashed, and nothing is read beyond what was declared. */
export async function readChecked(
  file: AsyncIterable<Uint8Array>,
  upload: Upload,
  { whole, mayGoOn }: { whole: boolean; mayGoOn: () => boolean },
): Promise<Read> {
  return whole ? readWhole(file, upload) : readOn(file, upload, mayGoOn);
}

async function readWhole(file: AsyncIterable<Uint8Array>, upload: Upload): Promise<Read> {
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of file) {
    length += chunk.length;
    if (length > upload.bytes) break;
    hash.update(chunk);
    chunks.push(chunk);
  }
  return differences(upload, length, () => hash.digest('hex')) ?? utf8(Buffer.concat(chunks));
}

/** By a hash whose state can be kept: a file of gigabytes takes longer than one call may. */
async function readOn(
  file: AsyncIterable<Uint8Array>,
  upload: Upload,
  mayGoOn: () => boolean,
): Promise<Read> {
  const hash = await createSHA256();
  if (upload.read) hash.load(Buffer.from(upload.read.hash, 'base64'));
  let length = upload.read?.bytes ?? 0;
  for await (const chunk of file) {
    length += chunk.length;
    if (length > upload.bytes) break;
    hash.update(chunk);
    if (chunk.length > 0 && length < upload.bytes && !mayGoOn())
      return { read: { bytes: length, hash: Buffer.from(hash.save()).toString('base64') } };
  }
  return differences(upload, length, () => hash.digest('hex')) ?? {};
}

function differences(
  { bytes, sha256 }: Upload,
  length: number,
  digestOf: () => string,
): { problem: Problem } | undefined {
  if (length !== bytes)
    return differs('/bytes', `is ${bytes}, and the file has ${length > bytes ? 'more' : length}`);
  const digest = digestOf();
  return digest === sha256
    ? undefined
    : differs('/sha256', `is ${sha256}, and that of the file is ${digest}`);
}

function utf8(body: Buffer): { text: string } | { problem: Problem } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(body) };
  } catch {
    return {
      problem: { kind: 'not-valid', detail: 'The file is not UTF-8, as JSON, NDJSON and CSV must be' },
    };
  }
}

const differs = (path: string, message: string): { problem: Problem } => ({
  problem: { kind: 'not-valid', detail: 'The file is not what was declared', errors: [{ path, message }] },
});
