import type { CloudEvent } from '../../events/cloudevent.ts';
import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import type { Verdict } from '../deliver/verdict.ts';
import type { Tally } from '../../schemas/usage.ts';
import type { Quotas } from '../ports.ts';
import { dayOf, quotaPeriod } from '../usage/period.ts';
import { talliesOf } from '../usage/tally.ts';

/** One leased event: the verdict on it and what is recorded of its delivery, nothing in the first moment. */
export interface Judged {
  delivery: string;
  sequence: string;
  verdict: Verdict;
  known: Delivery | undefined;
}

const passes = ({ verdict: { kind } }: Judged): boolean => kind === 'deliver' || kind === 'redact';

/**
 * The verdicts once the contract's quota is asked: whoever receives an event for the first time takes a unit, the oldest
 * events first; what has one keeps it, however often it is leased. The others are withheld until the quota opens again.
 */
export async function withinQuota<One extends Judged>(
  deps: { quotas: Pick<Quotas, 'take'> },
  contract: Pick<Contract, 'id' | 'terms'>,
  judgements: One[],
  now: Date,
): Promise<{ judgements: One[]; period: string | undefined }> {
  const period = quotaPeriod(contract, now);
  if (!period) return { judgements, period: undefined };
  const asking = judgements.filter(
    (one) => passes(one) && one.known?.quotaPeriod === undefined && one.known?.countedOn === undefined,
  );
  const ids = [...new Map(asking.map((one) => [one.delivery, one.sequence]))]
    .sort(([, one], [, other]) => (one < other ? -1 : 1))
    .map(([id]) => id);
  const got = ids.length === 0 ? 0 : await deps.quotas.take(period, ids.length);
  const refused = new Set(ids.slice(got));
  const clause = `quota.${contract.terms.quota?.per ?? ''}`;
  const verdict = { kind: 'withhold', clause, until: period.ends } as const;
  return {
    judgements: judgements.map((one) => (refused.has(one.delivery) ? { ...one, verdict } : one)),
    period: period.period,
  };
}

/**
 * What is to be written of events that are handed over for the first time: their records, marked as counted, and their
 * tallies. What no record is written of yet is counted when it is received again, or acknowledged.
 */
export function countedOnce(
  contract: Pick<Contract, 'id' | 'terms'>,
  handed: { known: Delivery | undefined; event: CloudEvent }[],
  now: Date,
  period?: string,
): { records: Delivery[]; tallies: Tally[] } {
  const day = dayOf(now);
  const fresh = new Map(
    handed.flatMap(({ known, event }) =>
      known && known.countedOn === undefined ? [[known.id, { known, event }] as const] : [],
    ),
  );
  const records = [...fresh.values()].map(({ known }): Delivery => {
    const quotaPeriodOf = known.quotaPeriod ?? period;
    return { ...known, countedOn: day, ...(quotaPeriodOf !== undefined && { quotaPeriod: quotaPeriodOf }) };
  });
  const counted = [...fresh].map(([delivery, { event }]) => ({
    delivery,
    contract,
    day,
    bytes: Buffer.byteLength(JSON.stringify(event)),
  }));
  return { records, tallies: talliesOf(counted, now) };
}
