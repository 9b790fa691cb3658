import type { Contract } from '../../schemas/contract.ts';
import type { QuotaPeriod } from '../../schemas/usage.ts';

/** The day of an instant, in UTC. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** The calendar month of an instant, in UTC. */
export const monthOf = (at: Date): string => at.toISOString().slice(0, 7);

/** The period of a contract's quota that an instant falls in, by the UTC calendar; undefined without a quota. */
export function quotaPeriod(
  { id, terms }: Pick<Contract, 'id' | 'terms'>,
  at: Date,
): QuotaPeriod | undefined {
  const { quota } = terms;
  if (!quota) return undefined;
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  const daily = quota.per === 'P1D';
  const ends = daily ? Date.UTC(year, month, at.getUTCDate() + 1) : Date.UTC(year, month + 1, 1);
  return {
    contract: id,
    period: daily ? dayOf(at) : monthOf(at),
    limit: quota.events,
    ends: new Date(ends),
  };
}
