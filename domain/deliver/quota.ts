import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import type { QuotaPeriod } from '../../schemas/usage.ts';
import type { Quotas } from '../ports.ts';
import { quotaPeriod } from '../usage/period.ts';
import type { Verdict } from './verdict.ts';

/** One delivery that asks for its unit of a quota. */
export interface Asking {
  id: string;
  /** The event's: the oldest goes first where not all can. */
  sequence: string;
  contract: Pick<Contract, 'id' | 'terms'>;
}

/** The units that deliveries of one batch hold, and how to be rid of those that were not used. */
export interface Units {
  /**
   * Whether a delivery may go by the quota: a verdict that withholds it until the quota opens again, or the period whose
   * unit it holds, undefined where it needs none. Throws where the units could not be counted.
   */
  judge(
    id: string,
    contract: Pick<Contract, 'id' | 'terms'>,
    before: Pick<Delivery, 'quotaPeriod'> | undefined,
    now: Date,
  ): { period: string | undefined } | { verdict: Verdict & { kind: 'withhold' } };
  /** Gives back the units that no record of these holds; never fails: a unit that is lost is never one too many. */
  giveBackBut(records: Pick<Delivery, 'id' | 'quotaPeriod'>[]): Promise<void>;
}

/**
 * Takes the units that a batch needs, in one call for each contract that has a quota. A delivery takes one, once, before
 * its event first leaves the mesh, and keeps it whatever the receiver answers: a consumer cannot see more by refusing.
 */
export async function takeUnits(
  quotas: Pick<Quotas, 'take' | 'giveBack'>,
  asking: Asking[],
  now: Date,
): Promise<Units> {
  const held = new Map<string, QuotaPeriod>();
  const broken = new Map<string, unknown>();
  const groups = Map.groupBy(asking, ({ contract }) => contract.id);
  const take = async ([first, ...rest]: Asking[]): Promise<void> => {
    const period = first && quotaPeriod(first.contract, now);
    if (!period) return;
    const oldest = [first, ...rest].sort((one, other) => (one.sequence < other.sequence ? -1 : 1));
    try {
      const got = await quotas.take(period, oldest.length);
      for (const { id } of oldest.slice(0, got)) held.set(id, period);
    } catch (error) {
      for (const { id } of oldest) broken.set(id, error);
    }
  };
  await Promise.all([...groups.values()].map(take));
  return {
    judge(id, contract, before, at) {
      const period = quotaPeriod(contract, at);
      if (!period || before?.quotaPeriod !== undefined) return { period: before?.quotaPeriod };
      if (broken.has(id)) throw broken.get(id);
      const unit = held.get(id);
      if (unit?.period === period.period) return { period: unit.period };
      // It asked in the period before, or its contract had no quota then: it comes again and asks anew.
      if (unit || !asking.some((one) => one.id === id))
        throw new Error('the quota has begun anew while the delivery was judged');
      const clause = `quota.${contract.terms.quota?.per ?? ''}`;
      return { verdict: { kind: 'withhold', clause, until: period.ends } };
    },

    async giveBackBut(records) {
      const used = new Set(records.flatMap(({ id, quotaPeriod: of }) => (of === undefined ? [] : [id])));
      const unused = [...held].flatMap(([id, period]) => (used.has(id) ? [] : [period]));
      const byPeriod = Map.groupBy(unused, ({ contract }) => contract);
      for (const [period, ...more] of byPeriod.values())
        if (period) await quotas.giveBack(period, 1 + more.length).catch(() => undefined);
    },
  };
}
