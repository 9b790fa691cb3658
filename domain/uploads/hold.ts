import { eventKey } from '../../events/key.ts';
import type { Upload } from '../../schemas/upload.ts';
import type { Clock, Ledger, Registry } from '../ports.ts';

/** How long who checks an upload holds it: longer than any call can take, so that who is stopped in it is dead by then. */
export const HELD_SECONDS = 60;

/** Whether somebody may still be checking it at `now`. */
export const isHeld = ({ heldUntil }: Pick<Upload, 'heldUntil'>, now: Date): boolean =>
  heldUntil !== undefined && Date.parse(heldUntil) > now.getTime();

/** What holding an upload needs of the world. */
export interface HoldDeps {
  registry: Pick<Registry, 'write'>;
  now: Clock;
}

/**
 * Holds an upload for one check, before anything is published: from then on it cannot be given up. Undefined where in
 * the same moment somebody else has, or has ended it.
 */
export const hold = (deps: HoldDeps, before: Upload): Promise<Upload | undefined> =>
  changed(deps, before, {
    ...before,
    state: 'checking',
    heldUntil: new Date(deps.now().getTime() + HELD_SECONDS * 1000).toISOString(),
  });

/** Lets go of an upload that could not be ended, with how far it was read, so that the next check need not wait. */
export async function letGo(deps: HoldDeps, held: Upload, read?: Pick<Upload, 'read'>): Promise<void> {
  const { heldUntil: _, ...free } = held;
  await changed(deps, held, { ...free, ...read });
}

/** Writes a change of an upload that nobody else has changed; undefined where somebody has. */
async function changed(
  { registry, now }: HoldDeps,
  before: Upload,
  after: Upload,
): Promise<Upload | undefined> {
  const item = { ...after, updatedAt: now().toISOString(), revision: before.revision + 1 };
  const written = await registry.write([{ do: 'replace', noun: 'upload', before, item }]);
  return written ? item : undefined;
}

/** Writes a change of an upload that is held: nobody else may have changed it, and throws where somebody has. */
export async function changedHeld(deps: HoldDeps, held: Upload, after: Upload): Promise<Upload> {
  const upload = await changed(deps, held, after);
  if (!upload) throw new Error(`the upload ${held.id} was changed by somebody else while it was held`);
  return upload;
}

/** How an upload ended whose event the ledger has: whoever published it did not get as far as saying so. */
export async function acceptedBefore(
  ledger: Pick<Ledger, 'read'>,
  territory: string,
  { id, dataset, provider }: Upload,
  now: Date,
): Promise<{ state: 'accepted'; event: NonNullable<Upload['event']> } | undefined> {
  const source = `//${territory}/${provider}`;
  const [entry] = await ledger.read([eventKey(dataset, source, id)], now);
  return entry && { state: 'accepted', event: { id, source, digest: entry.digest } };
}
