import { eventKey } from '../../events/key.ts';
import { hasEnded, type Upload, type UploadCheck } from '../../schemas/upload.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError, type Problem } from '../../schemas/problem.ts';
import { eachApart, inTurn } from '../clock/apart.ts';
import { allItems } from '../control.ts';
import { uploadNotice } from '../notices.ts';
import type { Random } from '../ids.ts';
import type { Ledger, Payloads, Registry } from '../ports.ts';
import { getUpload, type UploadDeps } from './begin.ts';
import { acceptedBefore, isHeld } from './hold.ts';
import { blockId, movedOn, withStanding } from './progress.ts';

/** What ends an upload. */
export type UploadEnd =
  | { state: 'accepted'; event: NonNullable<Upload['event']> }
  | { state: 'refused'; problem: Pick<Problem, 'kind' | 'detail' | 'errors'> }
  | { state: 'cancelled' };

/** What ending an upload needs of the world. */
export interface EndDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  payloads: Pick<Payloads, 'remove'>;
  random: Random;
}

/** How long after its last moment a put that had begun may still be under way. */
const LAST_PUT_MS = 15 * 60_000;
/** How long after its last moment one is tried that was read or published in part: what hinders it may pass. */
const GONE_ON_MS = 24 * 3_600_000;

/** Until when an upload that has not ended is tried. */
const triedUntil = ({ state, read, published, expiresAt }: Upload): number =>
  Date.parse(expiresAt) + (state === 'checking' && (read || published) ? GONE_ON_MS : LAST_PUT_MS);

/**
 * Ends an upload that has not ended and tells its provider, then takes away what is no event's: that is done once more
 * when nothing can be put any more. Answers what it is now, which in the same moment somebody else may have decided.
 */
export async function endUpload(deps: EndDeps, before: Upload, end: UploadEnd, now: Date): Promise<Upload> {
  const { heldUntil: _, read: __, published: ___, ...free } = before;
  const item: Upload = {
    ...free,
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
  const kept = !hasEnded({ state }) || (state === 'accepted' && name.endsWith('.raw'));
  if (!kept) await payloads.remove(name);
}

/** The parts that were put and never made a file. */
async function dropParts(
  { payloads }: { payloads: Pick<Payloads, 'dropParts'> },
  { name, parts }: Pick<Upload, 'name' | 'parts'>,
): Promise<void> {
  if (parts) await payloads.dropParts(name, parts.id);
}

/** Gives an upload up. One that has ended stays what it became, and one that is checked may be an event already. */
export async function cancelUpload(deps: UploadDeps, caller: Caller, id: string): Promise<void> {
  const upload = await getUpload(deps, caller, id);
  if (upload.state === 'cancelled') return;
  const ended =
    upload.state === 'waiting' ? await endUpload(deps, upload, { state: 'cancelled' }, deps.now()) : upload;
  if (ended.state === 'cancelled') return dropParts(deps, ended);
  const what = ended.state === 'checking' ? 'being checked, and may be an event already' : ended.state;
  throw new ProblemError('conflict', `The upload ${id} is ${what}: only one that waits can be given up`);
}

/** What looking after uploads needs of the world. */
export interface SweepDeps extends EndDeps {
  registry: EndDeps['registry'] & Pick<Registry, 'list'>;
  ledger: Pick<Ledger, 'place' | 'read'>;
  payloads: EndDeps['payloads'] & Pick<Payloads, 'dropParts'>;
  territory: Pick<Territory, 'id'>;
  checkUpload: (id: string) => Promise<UploadCheck>;
}

/**
 * Completes uploads whose file was put, whoever forgot to say so, and those whose check was stopped; refuses those whose
 * time is over, and takes away what was put for any that became no event, late puts included. Answers how many were
 * looked at for the last time. The providers come by turns, another one first at each beat, and nobody once `goesOn` says
 * no: a check may take long, and whose files are many must not hold up others.
 */
export async function sweepUploads(
  deps: SweepDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<number> {
  let swept = 0;
  const unswept = await allItems((page) => deps.registry.list('uploadsUnswept', {}, page));
  await eachApart(
    inTurn(unswept, ({ provider }) => provider, now),
    async (listed) => {
      const { said, fault } = hasEnded(listed) ? {} : await checked(deps, listed);
      // One that is read on beat by beat is not late.
      if (said === 'going') return;
      if (Date.parse(listed.expiresAt) + LAST_PUT_MS > now.getTime()) {
        if (fault) throw fault.error;
        return;
      }
      const found = await deps.registry.read('upload', listed.id);
      if (!found || found.swept || isHeld(found, now)) return;
      if (!hasEnded(found) && triedUntil(found) > now.getTime()) {
        if (fault) throw fault.error;
        return;
      }
      const before = hasEnded(found) ? found : await endOverdue(deps, found, now);
      if (!hasEnded(before)) return;
      if (await isErased(deps.ledger, before, now)) await deps.payloads.remove(before.name);
      else await removeUnlessKept(deps.payloads, before);
      await dropParts(deps, before);
      await deps.registry.write([
        {
          do: 'replace',
          noun: 'upload',
          before,
          item: { ...before, swept: true, revision: before.revision + 1 },
        },
      ]);
      swept += 1;
    },
    goesOn,
  );
  return swept;
}

/** A check that fails again and again does not keep an upload from ending when its time is over. */
const checked = (
  { checkUpload }: SweepDeps,
  { id }: Upload,
): Promise<{ said?: UploadCheck; fault?: { error: unknown } }> =>
  checkUpload(id).then(
    (said) => ({ said }),
    (error: unknown) => ({ fault: { error } }),
  );

/** Of one whose check was stopped, and cannot be made again, the ledger says what became: its event, or some of many. */
async function endOverdue(deps: SweepDeps, upload: Upload, now: Date): Promise<Upload> {
  const { ledger, registry, territory } = deps;
  const accepted = await acceptedBefore(ledger, territory.id, upload, now);
  if (accepted) return endUpload(deps, upload, accepted, now);
  const next = upload.published?.next && { ...upload, id: blockId(upload) };
  const last = next && (await acceptedBefore(ledger, territory.id, next, now));
  const stands = last ? await movedOn({ registry, now: () => now }, upload, last.event) : upload;
  return endUpload(deps, stands, overdue(stands), now);
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

function overdue(upload: Upload): UploadEnd {
  const detail = upload.events
    ? 'Its time was over before all of it was published'
    : 'Its time was over before it was completed: begin another upload';
  return { state: 'refused', problem: withStanding({ kind: 'conflict', detail }, upload) };
}
