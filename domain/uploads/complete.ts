import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { hasEnded, type Upload, type UploadCheck, type UploadCompletion } from '../../schemas/upload.ts';
import type { Payloads } from '../ports.ts';
import { countOf } from './parts.ts';
import { getUpload, type UploadDeps } from './begin.ts';

/** What completing needs of the world: the check is made by whoever may append to the ledger. */
export interface CompleteDeps extends Pick<UploadDeps, 'registry'> {
  payloads: Pick<Payloads, 'joinParts'>;
  checkUpload: (id: string) => Promise<UploadCheck>;
  /** Waits so many milliseconds. */
  pause: (ms: number) => Promise<void>;
}

const FILE_ABSENT = 'Nothing was put yet: PUT the file to the signed URL first';
const PARTS_ABSENT =
  'Not every part was put yet, or its ETag is another one: PUT each part to its signed URL first';

/** How often and how long another check is waited for: all of it shorter than a request may take. */
const LOOKS = 20;
const LOOK_MS = 400;

/**
 * Has the file that was put checked and published; answers what became of it, or that another check is at it still.
 * Throws a problem while nothing was put, or where the mesh could not take it now: then it still waits.
 */
export async function completeUpload(
  deps: CompleteDeps,
  caller: Caller,
  id: string,
  completion?: UploadCompletion,
): Promise<Upload> {
  const upload = await getUpload(deps, caller, id);
  // Where they are no longer there, somebody has joined them before: the check finds the file.
  if (upload.state === 'waiting' && upload.parts)
    await deps.payloads.joinParts(upload.name, upload.parts.id, countOf(upload), completion?.parts);
  const said = hasEnded(upload) ? 'ended' : await deps.checkUpload(id);
  if (said === 'absent') throw new ProblemError('conflict', upload.parts ? PARTS_ABSENT : FILE_ABSENT);
  if (said === 'unavailable')
    throw new ProblemError('unavailable', 'The ledger could not take the event: complete the upload again', {
      retryAfter: 1,
    });
  const became = await whatBecame(deps, caller, id, said === 'busy' ? LOOKS : 0);
  if (became.state === 'cancelled') throw new ProblemError('conflict', `The upload ${id} was given up`);
  return became;
}

async function whatBecame(deps: CompleteDeps, caller: Caller, id: string, looks: number): Promise<Upload> {
  const upload = await getUpload(deps, caller, id);
  if (looks === 0 || hasEnded(upload)) return upload;
  await deps.pause(LOOK_MS);
  return whatBecame(deps, caller, id, looks - 1);
}
