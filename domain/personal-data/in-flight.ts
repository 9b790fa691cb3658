import type { ErasedKeys } from '../../schemas/erasure.ts';
import type { Ledger } from '../ports.ts';

/** For so long copies of an event may be on their way: no queue keeps a message for more than 14 days. */
const IN_FLIGHT_SECONDS = 15 * 86_400;
/** So many keys are read along with each dataset; beyond them the ledger is asked. */
const MOST_KEYS = 400;

/** The verdict on an event that was erased. */
export const ERASED = { kind: 'withhold', clause: 'event.erased' } as const;

/** The erased keys of a dataset with one more; those whose copies have all arrived by now are forgotten. */
export function withErased(
  before: ErasedKeys | undefined,
  dataset: string,
  key: string,
  now: Date,
): ErasedKeys {
  const at = Math.floor(now.getTime() / 1000);
  const young = Object.entries(before?.keys ?? {}).filter(([, since]) => since > at - IN_FLIGHT_SECONDS);
  const crowded = young.length >= MOST_KEYS ? at + IN_FLIGHT_SECONDS : before?.crowdedUntil;
  const kept = young.length >= MOST_KEYS ? [] : young;
  return {
    id: dataset,
    keys: { ...Object.fromEntries(kept), [key]: at },
    ...(crowded !== undefined && crowded > at && { crowdedUntil: crowded }),
  };
}

/**
 * Whether an event on its way was erased meanwhile. Costs no call: the keys come with the standing, which is read in any
 * case and never older than the verdict allows. Only where hundreds were erased is the ledger asked.
 */
export async function wasErased(
  { ledger }: { ledger: Pick<Ledger, 'read'> },
  { erased }: { erased?: ErasedKeys | undefined },
  key: string,
  now: Date,
): Promise<boolean> {
  if (!erased) return false;
  if (erased.keys[key] !== undefined) return true;
  if ((erased.crowdedUntil ?? 0) * 1000 <= now.getTime()) return false;
  const [entry] = await ledger.read([key], now);
  return entry === undefined;
}
