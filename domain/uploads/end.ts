import { eventKey } from '../../events/key.ts';
import type { Upload, UploadCheck } from '../../schemas/upload.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError, type Problem } from '../../schemas/problem.ts';
import { eachApart } from '../clock/apart.ts';
import { everyItem } from '../control.ts';
import { uploadNotice } from '../notices.ts';
import type { Random } from '../ids.ts';
import type { Ledger, Payloads, Registry } from '../ports.ts';
import { getUpload, type UploadDeps } from './begin.ts';

/** What ends an upload. */
export type UploadEnd =
  | { state: 'accepted'; event: NonNullable<Upload['event']>; rows?: Upload['rows'] }
  | { state: 'refused'; problem: Pick<Problem, 'kind' | 'detail' | 'errors'>; rows?: Upload['rows'] }
  | { state: 'cancelled' };

/** What ending an upload needs of the world. */
export interface EndDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  payloads: Pick<Payloads, 'remove'>;
  random: Random;
}

/** How long after its last moment a put that had begun may still be under way. */
const LAST_PUT_MS = 15 * 60_000;

/**
 * Ends an upload that waits and tells its provider, then takes away what is no event's: that is done once more when
 * nothing can be put any more. Answers what it is now, which in the same moment somebody else may have decided.
 */
export async function endUpload(deps: EndDeps, before: Upload, end: UploadEnd, now: Date): Promise<Upload> {
  const item: Upload = {
    ...before,
    ...end,
    updatedAt: now.toISOString(),
    revision: before.revision + 1,
  };
  const written = await deps.registry.write([
    { do: 'replace', noun: 'upload', before, item },
    ...(end.state === 'cancelled' ? [] : [uploadNotice(item, now, deps.random)]),
  ]);
  const stands = written ? item : await deps.registry.read('upload', before.id);
  if (!stands) throw new Error(`the upload ${before.id} is gone`);
  await removeUnlessKept(deps.payloads, stands);
  return stands;
}

/** JSON and rows are kept again by their event, in canonical form; what is opaque stays where it was put. */
async function removeUnlessKept(
  payloads: Pick<Payloads, 'remove'>,
  { state, name }: Pick<Upload, 'state' | 'name'>,
): Promise<void> {
  const kept = state === 'waiting' || (state === 'accepted' && name.endsWith('.raw'));
  if (!kept) await payloads.remove(name);
}

/** Gives an upload up. One that has ended stays what it became. */
export async function cancelUpload(deps: UploadDeps, caller: Caller, id: string): Promise<void> {
  const upload = await getUpload(deps, caller, id);
  if (upload.state === 'cancelled') return;
  const ended =
    upload.state === 'waiting' ? await endUpload(deps, upload, { state: 'cancelled' }, deps.now()) : upload;
  if (ended.state !== 'cancelled')
    throw new ProblemError(
      'conflict',
      `The upload ${id} is ${ended.state}: only one that waits can be given up`,
    );
}

/** What looking after uploads needs of the world. */
export interface SweepDeps extends EndDeps {
  registry: EndDeps['registry'] & Pick<Registry, 'list'>;
  ledger: Pick<Ledger, 'place'>;
  checkUpload: (id: string) => Promise<UploadCheck>;
}

/**
 * Completes uploads whose file was put, whoever forgot to say so; refuses those whose time is over, and takes away what
 * was put for any that became no event, late puts included. Answers how many were looked at for the last time.
 */
export async function sweepUploads(deps: SweepDeps, now: Date): Promise<number> {
  let swept = 0;
  const unswept = everyItem((page) => deps.registry.list('uploadsUnswept', {}, page));
  await eachApart(unswept, async (listed) => {
    if (listed.state === 'waiting') await deps.checkUpload(listed.id);
    if (Date.parse(listed.expiresAt) + LAST_PUT_MS > now.getTime()) return;
    const found = await deps.registry.read('upload', listed.id);
    if (!found || found.swept) return;
    const before = found.state === 'waiting' ? await endUpload(deps, found, EXPIRED, now) : found;
    if (await isErased(deps.ledger, before, now)) await deps.payloads.remove(before.name);
    else await removeUnlessKept(deps.payloads, before);
    await deps.registry.write([
      {
        do: 'replace',
        noun: 'upload',
        before,
        item: { ...before, swept: true, revision: before.revision + 1 },
      },
    ]);
    swept += 1;
  });
  return swept;
}

/** Whether its event was erased, since when its file may have been put again. */
async function isErased(
  ledger: Pick<Ledger, 'place'>,
  { dataset, event }: Pick<Upload, 'dataset' | 'event'>,
  now: Date,
): Promise<boolean> {
  if (!event) return false;
  return (await ledger.place(eventKey(dataset, event.source, event.id), now))?.erased === true;
}

const EXPIRED: UploadEnd = {
  state: 'refused',
  problem: { kind: 'conflict', detail: 'Its time was over before it was completed: begin another upload' },
};
