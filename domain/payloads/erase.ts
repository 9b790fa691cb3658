import type { Ledger, Payloads } from '../ports.ts';

/** Takes an event away with its large data, that first: what is interrupted is done again, and leaves nothing behind. */
export async function eraseWithData(
  { ledger, payloads }: { ledger: Pick<Ledger, 'read' | 'erase'>; payloads: Pick<Payloads, 'remove'> },
  { key, sequence }: { key: string; sequence: string },
  now: Date,
): Promise<void> {
  const [entry] = await ledger.read([key], now);
  if (entry?.payload !== undefined && entry.sequence === sequence) await payloads.remove(entry.payload);
  await ledger.erase(key, sequence);
}
