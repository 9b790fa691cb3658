import { createHash } from 'node:crypto';
import { parseJson, sayPosition } from '../../events/json.ts';
import type { Problem } from '../../schemas/problem.ts';
import { isJsonType, MAX_JSON_UPLOAD_BYTES, type Upload } from '../../schemas/upload.ts';
import { CLAIMED } from '../payloads/claim.ts';
import type { Random } from '../ids.ts';
import type { Payloads, Registry } from '../ports.ts';
import { publish, type PublishDeps } from '../publish/publish.ts';
import type { PublishOutcome } from '../publish/outcome.ts';
import { endUpload, type UploadEnd } from './end.ts';

/** What checking and publishing an upload needs of the world. */
export interface CheckDeps extends PublishDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  payloads: Pick<Payloads, 'open' | 'put' | 'remove'>;
  random: Random;
}

/** Whether an upload ended, or still waits: nothing was put yet, or the mesh could not take it now. */
export type UploadCheck = 'ended' | 'absent' | 'unavailable';

/** Checks the file that was put and publishes it as an event, by the rules of every other door; safe to repeat. */
export async function checkUpload(deps: CheckDeps, id: string): Promise<UploadCheck> {
  const upload = await deps.registry.read('upload', id);
  if (upload?.state !== 'waiting') return 'ended';
  const file = await deps.payloads.open(upload.name);
  if (!file) return 'absent';
  const read = await readChecked(file, upload);
  const end = 'problem' in read ? refused(read.problem) : endOf(await published(deps, upload, read.text));
  if (!end) return 'unavailable';
  await endUpload(deps, upload, end, deps.now());
  return 'ended';
}

/** Reads a file once, in bounded memory: what is not JSON is only hashed, and nothing is read beyond what was declared. */
async function readChecked(
  file: AsyncIterable<Uint8Array>,
  { bytes, sha256, contentType }: Upload,
): Promise<{ text?: string } | { problem: Problem }> {
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  const isJson = isJsonType(contentType);
  let length = 0;
  for await (const chunk of file) {
    length += chunk.length;
    if (length > bytes) break;
    hash.update(chunk);
    if (isJson) chunks.push(chunk);
  }
  if (length !== bytes)
    return differs('/bytes', `is ${bytes}, and the file has ${length > bytes ? 'more' : length}`);
  const digest = hash.digest('hex');
  if (digest !== sha256) return differs('/sha256', `is ${sha256}, and that of the file is ${digest}`);
  return isJson ? utf8(Buffer.concat(chunks)) : {};
}

function utf8(body: Buffer): { text: string } | { problem: Problem } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(body) };
  } catch {
    return { problem: { kind: 'not-valid', detail: 'The file is not UTF-8, as JSON must be' } };
  }
}

const differs = (path: string, message: string): { problem: Problem } => ({
  problem: { kind: 'not-valid', detail: 'The file is not what was declared', errors: [{ path, message }] },
});

/** One event, whose id is the upload's: publishing it twice is a duplicate. */
async function published(deps: CheckDeps, upload: Upload, text?: string): Promise<PublishOutcome> {
  const candidate = {
    specversion: '1.0',
    id: upload.id,
    type: upload.type,
    dataset: upload.dataset,
    datacontenttype: upload.contentType,
  };
  if (text === undefined) {
    // The event tells what its data is, so that its digest stands for the data too.
    const opaque = { ...candidate, dataref: CLAIMED, datasha256: upload.sha256 };
    return publishOne(deps, upload, opaque, upload.name);
  }
  const parsed = parseJson(text);
  if ('value' in parsed) return publishOne(deps, upload, { ...candidate, data: parsed.value });
  return {
    status: 'rejected',
    problem: { kind: 'not-valid', detail: `The file is not JSON: ${sayPosition(parsed.at)}` },
  };
}

async function publishOne(
  deps: CheckDeps,
  { provider }: Upload,
  candidate: object,
  kept?: string,
): Promise<PublishOutcome> {
  const larger = { ...deps, mostPayloadBytes: MAX_JSON_UPLOAD_BYTES };
  const [outcome] = await publish(larger, provider, [candidate], kept);
  if (!outcome) throw new Error('one event has one outcome');
  return outcome;
}

function endOf(outcome: PublishOutcome): UploadEnd | undefined {
  if (outcome.status === 'rejected') return refused(outcome.problem);
  if (outcome.status === 'failed') return undefined;
  const { id, source, digest } = outcome;
  return { state: 'accepted', event: { id, source, digest } };
}

const refused = ({ kind, detail, errors }: Problem): UploadEnd => ({
  state: 'refused',
  problem: { kind, detail, ...(errors && { errors }) },
});
