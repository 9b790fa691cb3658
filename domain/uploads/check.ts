import { parseJson, sayPosition } from '../../events/json.ts';
import type { Problem } from '../../schemas/problem.ts';
import {
  formOf,
  hasEnded,
  MAX_JSON_UPLOAD_BYTES,
  type Upload,
  type UploadCheck,
} from '../../schemas/upload.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { CLAIMED } from '../payloads/claim.ts';
import type { Random } from '../ids.ts';
import type { Ledger, Payloads, Registry } from '../ports.ts';
import { whyNot } from '../publish/admit.ts';
import { publish, type PublishDeps } from '../publish/publish.ts';
import type { PublishOutcome } from '../publish/outcome.ts';
import { endUpload, type UploadEnd } from './end.ts';
import { acceptedBefore, changedHeld, hold, isHeld, letGo } from './hold.ts';
import { keepRows, ROWS_TYPE } from './keep-rows.ts';
import { withStanding } from './progress.ts';
import { publishBlocks } from './publish-blocks.ts';
import { readChecked } from './read.ts';

/** What checking and publishing an upload needs of the world. */
export interface CheckDeps extends PublishDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  ledger: Pick<Ledger, 'append' | 'read'>;
  payloads: Pick<Payloads, 'open' | 'put' | 'read' | 'remove'>;
  random: Random;
  /** How long one call reads before it leaves the rest to the next. */
  uploadCheckFor: string;
  /** The most bytes of rows that become one event. */
  uploadRowsBytes: number;
}

/**
 * Checks the file that was put and publishes it as an event, by the rules of every other door. Safe to repeat: one check
 * holds it at a time, and the next one begins by asking the ledger how far a check that was stopped had come. That of a
 * provider who may not publish now, as one that is suspended, stands still until they may.
 */
export async function checkUpload(deps: CheckDeps, id: string): Promise<UploadCheck> {
  const upload = await deps.registry.read('upload', id);
  if (!upload || hasEnded(upload)) return 'ended';
  if (isHeld(upload, deps.now())) return 'busy';
  const before =
    upload.state === 'checking' && (await acceptedBefore(deps.ledger, deps.territory, upload, deps.now()));
  if (before) return ended(deps, upload, before);
  if (await whyStill(deps, upload)) return 'unavailable';
  const file = isRead(upload) ? NOTHING_LEFT : await deps.payloads.open(upload.name, upload.read?.bytes);
  if (!file) return absentOrOver(deps, id);
  const held = await hold(deps, upload);
  return held ? checkHeld(deps, held, file) : 'busy';
}

/** Why its provider may publish nothing now. */
const whyStill = async (
  { registry }: Pick<CheckDeps, 'registry'>,
  { provider }: Upload,
): Promise<Problem | undefined> => whyNot(await registry.read('participant', provider), provider);

/** A file that is not there may have been another check's to take away. */
async function absentOrOver({ registry }: Pick<CheckDeps, 'registry'>, id: string): Promise<UploadCheck> {
  const upload = await registry.read('upload', id);
  return !upload || hasEnded(upload) ? 'ended' : 'absent';
}

async function checkHeld(
  deps: CheckDeps,
  held: Upload,
  file: AsyncIterable<Uint8Array>,
): Promise<UploadCheck> {
  try {
    const until = deps.now().getTime() + milliseconds(deps.uploadCheckFor);
    const mayGoOn = () => deps.now().getTime() < until;
    const inBlocks = formOf(held.contentType) === 'rows' && held.bytes > deps.uploadRowsBytes;
    const whole = !inBlocks && formOf(held.contentType) !== 'raw';
    const read = isRead(held) ? {} : await readChecked(file, held, { whole, mayGoOn });
    if ('read' in read) {
      await letGo(deps, held, read);
      return 'going';
    }
    if ('problem' in read) return await ended(deps, held, refused(read.problem));
    if (inBlocks) return await checkBlocks(deps, held, mayGoOn);
    const { outcome, upload } = await published(deps, held, read.text);
    if (outcome.status !== 'failed') return await ended(deps, upload, endOf(outcome));
    await letGo(deps, upload);
    return 'unavailable';
  } catch (error) {
    // The fault is what there is to tell; where this fails too, the hold ends by itself.
    await letGoOfLatest(deps, held).catch(() => undefined);
    throw error;
  }
}

/** Lets go of an upload as it is by now: how far it was published may have been noted since it was held. */
async function letGoOfLatest(deps: CheckDeps, held: Upload): Promise<void> {
  const latest = await deps.registry.read('upload', held.id);
  if (latest && latest.heldUntil === held.heldUntil) await letGo(deps, latest);
}

/** Whether all of a file was read, and is the one that was declared: what is left is to publish it. */
const isRead = ({ read, bytes }: Upload): boolean => read?.bytes === bytes;
const NOTHING_LEFT: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => nothing() };
async function* nothing(): AsyncGenerator<Uint8Array> {}

async function checkBlocks(deps: CheckDeps, held: Upload, mayGoOn: () => boolean): Promise<UploadCheck> {
  const read = await changedHeld(deps, held, { ...held, read: { bytes: held.bytes, hash: '' } });
  const came = await publishBlocks(deps, read, mayGoOn, (upload, id, { name, sha256 }) =>
    publishOne(deps, { ...upload, id }, apart(ROWS_TYPE, sha256), name),
  );
  const { upload } = came;
  if ('end' in came)
    return ended(deps, upload, upload.event ? { state: 'accepted', event: upload.event } : NO_ROW);
  if ('outcome' in came && came.outcome.status === 'rejected')
    return ended(deps, upload, refused(withStanding(came.outcome.problem, upload)));
  await letGo(deps, upload);
  return 'going' in came ? 'going' : 'unavailable';
}

async function ended(deps: CheckDeps, upload: Upload, end: UploadEnd): Promise<'ended'> {
  await endUpload(deps, upload, end, deps.now());
  return 'ended';
}

/** One event, whose id is the upload's: publishing it twice is a duplicate. Its rows are noted before it is published. */
async function published(
  deps: CheckDeps,
  held: Upload,
  text = '',
): Promise<{ outcome: PublishOutcome; upload: Upload }> {
  const form = formOf(held.contentType);
  if (form === 'json') return { outcome: await publishJson(deps, held, text), upload: held };
  if (form === 'raw') return { outcome: await publishRaw(deps, held), upload: held };
  const judged = await keepRows(deps, held, text);
  const upload = judged.rows ? await changedHeld(deps, held, { ...held, rows: judged.rows }) : held;
  if ('problem' in judged) return { outcome: { status: 'rejected', problem: judged.problem }, upload };
  const { name, sha256 } = judged.kept;
  const outcome = await publishOne(deps, upload, apart(ROWS_TYPE, sha256), name);
  if (outcome.status === 'rejected') await deps.payloads.remove(name);
  return { outcome, upload };
}

function endOf(outcome: Exclude<PublishOutcome, { status: 'failed' }>): UploadEnd {
  if (outcome.status === 'rejected') return refused(outcome.problem);
  const { id, source, digest } = outcome;
  return { state: 'accepted', event: { id, source, digest } };
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
  upload: Upload,
  data: object,
  kept?: string,
): Promise<PublishOutcome> {
  const { id, type, dataset, provider } = upload;
  // Asked again before each event: a large file is many, over many minutes.
  const still = await whyStill(deps, upload);
  if (still) return { status: 'failed', id, problem: still };
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

const NO_ROW: UploadEnd = {
  state: 'refused',
  problem: { kind: 'not-valid', detail: 'No row obeys the schema: the report says why' },
};

const refused = ({ kind, detail, errors }: Problem): UploadEnd & { state: 'refused' } => ({
  state: 'refused',
  problem: { kind, detail, ...(errors && { errors }) },
});
