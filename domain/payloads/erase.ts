import type { Ledger, Payloads } from '../ports.ts';
import { keptWith } from './claim.ts';
import { removeCopies } from './copy.ts';

/**
 * Takes an event away with its large data and the copies of it, those first: what is interrupted is done again, and
 * leaves nothing behind. The tombstone goes on naming the data, so that a copy that was being made is found later.
 */
export async function eraseWithData(
  {
    ledger,
    payloads,
  }: { ledger: Pick<Ledger, 'place' | 'erase'>; payloads: Pick<Payloads, 'remove' | 'names'> },
  { key, sequence }: { key: string; sequence: string },
  now: Date,
): Promise<void> {
  const place = await ledger.place(key, now);
  if (place?.sequence !== sequence) return;
  if (place.payload !== undefined) {
    for (const name of keptWith(place.payload)) await payloads.remove(name);
    await removeCopies(payloads, key, now);
  }
  if (!place.erased) await ledger.erase(key, sequence);
}
