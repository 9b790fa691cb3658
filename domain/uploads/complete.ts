import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Upload, UploadCheck } from '../../schemas/upload.ts';
import { getUpload, type UploadDeps } from './begin.ts';

/** What completing needs of the world: the check is made by whoever may append to the ledger. */
export interface CompleteDeps extends Pick<UploadDeps, 'registry'> {
  checkUpload: (id: string) => Promise<UploadCheck>;
}

/**
 * Has the file that was put checked and published; answers what became of it. Throws a problem while nothing was put,
 * or where the mesh could not take it now: then it still waits.
 */
export async function completeUpload(deps: CompleteDeps, caller: Caller, id: string): Promise<Upload> {
  const upload = await getUpload(deps, caller, id);
  if (upload.state === 'cancelled') throw new ProblemError('conflict', `The upload ${id} was given up`);
  if (upload.state !== 'waiting') return upload;
  const said = await deps.checkUpload(id);
  if (said === 'absent')
    throw new ProblemError('conflict', 'Nothing was put yet: PUT the file to the signed URL first');
  if (said === 'unavailable')
    throw new ProblemError('unavailable', 'The ledger could not take the event: complete the upload again', {
      retryAfter: 1,
    });
  return getUpload(deps, caller, id);
}
