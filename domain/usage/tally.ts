import { createHash } from 'node:crypto';
import type { Contract } from '../../schemas/contract.ts';
import type { Tally } from '../../schemas/usage.ts';

/** One event that was handed over for the first time, on which day, and how many bytes it had. */
export interface Handed {
  delivery: string;
  contract: Pick<Contract, 'id' | 'terms'>;
  day: string;
  bytes: number;
}

/** Charges are kept in millionths of the currency's unit, so that sums are exact. */
export const MILLIONTHS = 1_000_000;

/** What one event costs by the contract's price, in millionths; nothing where the price is for days or months. */
export const chargeOf = ({ terms: { price } }: Pick<Contract, 'terms'>): number =>
  price?.per === 'event' ? Math.round(price.amount * MILLIONTHS) : 0;

/**
 * What a batch adds to usage: one tally for each contract and day. A tally's id is derived from what it counts, so that
 * a batch which is written again counts once.
 */
export function talliesOf(handed: Handed[], now: Date): Tally[] {
  const groups = Map.groupBy(handed, ({ contract, day }) => `${contract.id} ${day}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const ids = group.map(({ delivery }) => delivery).sort();
    return [
      {
        id: `tly_${createHash('sha256').update(ids.join()).digest('base64url')}`,
        contract: first.contract.id,
        day: first.day,
        events: group.length,
        bytes: group.reduce((sum, { bytes }) => sum + bytes, 0),
        charge: group.reduce((sum, { contract }) => sum + chargeOf(contract), 0),
        at: now.getTime(),
      },
    ];
  });
}
