import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { seconds } from '../../schemas/duration.ts';
import type { Territory } from '../../schemas/territory.ts';
import { formOf, type Upload, type UploadRequest } from '../../schemas/upload.ts';
import { absent, type ControlDeps } from '../control.ts';
import { newId } from '../ids.ts';
import type { Payloads, SignedPut } from '../ports.ts';

/** What uploads need of the world, but for checking what came. */
export interface UploadDeps extends ControlDeps {
  payloads: Pick<Payloads, 'linkToPut' | 'remove' | 'beginParts' | 'dropParts'>;
  territory: Pick<Territory, 'id' | 'uploadFor' | 'uploadPutBytes' | 'uploadPartBytes'>;
}

/** How long an upload can be looked at after it was begun. */
const KEPT_DAYS = 30;
const DAY_S = 86_400;

/**
 * Begins an upload on a type of the caller's own: answers how to put the file, which is nothing but the one declared. A
 * large one is put in parts, the requests for which are listed.
 */
export async function beginUpload(
  deps: UploadDeps,
  caller: Caller,
  request: UploadRequest,
): Promise<{ upload: Upload; put?: SignedPut }> {
  const days = await retentionOf(deps, caller, request);
  const now = deps.now();
  const id = newId('upload', now, deps.random);
  const openSeconds = Math.ceil(seconds(deps.territory.uploadFor));
  // A day more than its event: that is accepted later than this, and hides its data itself.
  const until = new Date(now.getTime() + (openSeconds + (days + 1) * DAY_S) * 1000);
  const name = `until/${until.toISOString().slice(0, 10)}/${id}.${formOf(request.contentType)}`;
  const parts = await partsOf(deps, name, request);
  const upload: Upload = {
    id,
    provider: caller.participant,
    ...request,
    name,
    ...(parts && { parts }),
    state: 'waiting',
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + openSeconds * 1000).toISOString(),
    swept: false,
    revision: 1,
    expires: Math.floor(now.getTime() / 1000) + openSeconds + KEPT_DAYS * DAY_S,
  };
  if (!(await deps.registry.write([{ do: 'create', noun: 'upload', item: upload }])))
    throw new Error(`the upload ${id} was there already`);
  return parts ? { upload } : { upload, put: await deps.payloads.linkToPut(name, upload, openSeconds) };
}

async function partsOf(
  { payloads, territory }: UploadDeps,
  name: string,
  { bytes, contentType }: UploadRequest,
): Promise<Upload['parts']> {
  if (bytes <= territory.uploadPutBytes) return undefined;
  return { id: await payloads.beginParts(name, contentType), bytes: territory.uploadPartBytes };
}

async function retentionOf(
  { registry }: Pick<UploadDeps, 'registry'>,
  { participant }: Caller,
  { dataset: id, type }: UploadRequest,
): Promise<number> {
  const dataset = await registry.read('dataset', id);
  const own = dataset?.provider === participant && dataset.status !== 'retired' ? dataset : undefined;
  if (own?.types.some((one) => one.type === type)) return own.retentionDays;
  const fault = own
    ? { path: '/type', message: `must be a type of ${id}: ${own.types.map((one) => one.type).join(', ')}` }
    : { path: '/dataset', message: 'must be a dataset of yours that is not retired' };
  throw new ProblemError('not-valid', 'The upload is not valid: 1 error(s)', { errors: [fault] });
}

/** An upload of the caller's. */
export async function getUpload(
  { registry }: Pick<UploadDeps, 'registry'>,
  caller: Caller,
  id: string,
): Promise<Upload> {
  const upload = await registry.read('upload', id);
  if (upload?.provider !== caller.participant) throw absent('upload', id);
  return upload;
}
