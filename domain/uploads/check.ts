import { createHash } from 'node:crypto';
import { parseJson, sayPosition } from '../../events/json.ts';
import type { Problem } from '../../schemas/problem.ts';
import { formOf, MAX_JSON_UPLOAD_BYTES, type Upload, type UploadCheck } from '../../schemas/upload.ts';
import { CLAIMED } from '../payloads/claim.ts';
import type { Random } from '../ids.ts';
import type { Payloads, Registry } from '../ports.ts';
import { publish, type PublishDeps } from '../publish/publish.ts';
import type { PublishOutcome } from '../publish/outcome.ts';
import { endUpload, type UploadEnd } from './end.ts';
import { publishRows, ROWS_TYPE } from './publish-rows.ts';

/** What checking and publishing an upload needs of the world. */
export interface CheckDeps extends PublishDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  payloads: Pick<Payloads, 'open' | 'put' | 'remove'>;
  random: Random;
}

/** Checks the file that was put and publishes it as an event, by the rules of every other door; safe to repeat. */
export async function checkUpload(deps: CheckDeps, id: string): Promise<UploadCheck> {
  const upload = await deps.registry.read('upload', id);
  if (upload?.state !== 'waiting') return 'ended';
  const file = await deps.payloads.open(upload.name);
  if (!file) return 'absent';
  const read = await readChecked(file, upload);
  const end = 'problem' in read ? refused(read.problem) : await endOf(deps, upload, read.text);
  if (!end) return 'unavailable';
  await endUpload(deps, upload, end, deps.now());
  return 'ended';
}

/** Reads a file once, in bounded memory: what is opaque is only hashed, and nothing is read beyond what was declared. */
async function readChecked(
  file: AsyncIterable<Uint8Array>,
  { bytes, sha256, contentType }: Upload,
): Promise<{ text?: string } | { problem: Problem }> {
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  const isText = formOf(contentType) !== 'raw';
  let length = 0;
  for await (const chunk of file) {
    length += chunk.length;
    if (length > bytes) break;
    hash.update(chunk);
    if (isText) chunks.push(chunk);
  }
  if (length !== bytes)
    return differs('/bytes', `is ${bytes}, and the file has ${length > bytes ? 'more' : length}`);
  const digest = hash.digest('hex');
  if (digest !== sha256) return differs('/sha256', `is ${sha256}, and that of the file is ${digest}`);
  return isText ? utf8(Buffer.concat(chunks)) : {};
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

/** One event, whose id is the upload's: publishing it twice is a duplicate. Undefined where it is to come again. */
async function endOf(deps: CheckDeps, upload: Upload, text = ''): Promise<UploadEnd | undefined> {
  const form = formOf(upload.contentType);
  const { outcome, rows } =
    form === 'rows'
      ? await publishRows(deps, upload, text, ({ name, sha256 }) =>
          publishOne(deps, upload, apart(ROWS_TYPE, sha256), name),
        )
      : { outcome: await (form === 'json' ? publishJson(deps, upload, text) : publishRaw(deps, upload)) };
  if (outcome.status === 'failed') return undefined;
  if (outcome.status === 'rejected') return { ...refused(outcome.problem), ...(rows && { rows }) };
  const { id, source, digest } = outcome;
  return { state: 'accepted', event: { id, source, digest }, ...(rows && { rows }) };
}

/** What an event says of data that is kept beside it: its hash, so that the event's digest stands for the data too. */
const apart = (datacontenttype: string, datasha256: string): object => ({
  datacontenttype,
  dataref: CLAIMED,
  datasha256,
});

const publishRaw = (deps: CheckDeps, upload: Upload): Promise<PublishOutcome> =>
  publishOne(deps, upload, apart(upload.contentType, upload.sha256), upload.name);

async function publishJson(deps: CheckDeps, upload: Upload, text: string): Promise<PublishOutcome> {
  const parsed = parseJson(text);
  if ('value' in parsed)
    return publishOne(deps, upload, { datacontenttype: upload.contentType, data: parsed.value });
  const detail = `The file is not JSON: ${sayPosition(parsed.at)}`;
  return { status: 'rejected', problem: { kind: 'not-valid', detail } };
}

async function publishOne(
  deps: CheckDeps,
  { id, type, dataset, provider }: Upload,
  data: object,
  kept?: string,
): Promise<PublishOutcome> {
  const larger = { ...deps, mostPayloadBytes: MAX_JSON_UPLOAD_BYTES };
  const [outcome] = await publish(
    larger,
    provider,
    [{ specversion: '1.0', id, type, dataset, ...data }],
    kept,
  );
  if (!outcome) throw new Error('one event has one outcome');
  return outcome;
}

const refused = ({ kind, detail, errors }: Problem): UploadEnd & { state: 'refused' } => ({
  state: 'refused',
  problem: { kind, detail, ...(errors && { errors }) },
});
