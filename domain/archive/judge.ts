import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import { refsOf } from '../clock/release.ts';
import { WRITTEN_BY_MS } from '../deliver/record.ts';
import { type Standing, type Verdict, verdictOn } from '../deliver/verdict.ts';
import { judged, minimised } from '../deliver/wire.ts';
import { ERASED, wasErased } from '../personal-data/in-flight.ts';
import type { LedgerEntry, Parcel } from '../ports.ts';
import { type Judged, withinQuota } from '../pull/count.ts';
import { routed } from '../route.ts';
import type { Leased, Round } from './round.ts';

/** One event that waits for an archive, with the verdict on it. */
export interface Weighed extends Judged {
  leased: Leased;
  known: Delivery;
  entry: LedgerEntry | undefined;
  standing: Standing;
}

/** One that may be written. */
export type Passing = Weighed & { entry: LedgerEntry };

/** What came of judging: what may be written, and what leaves the queue, with its record where that is to be changed. */
export interface AllJudged {
  passing: Passing[];
  over: { leased: Leased; weighed?: Weighed }[];
  contract: Contract | undefined;
  /** Of the contract's quota. */
  period: string | undefined;
}

/**
 * Judges what was taken out of the queue, as it stands now. What is not recorded yet stays leased, and comes again; so does
 * what goes again and still has the record of before.
 */
export async function judgeAll(round: Round, leased: Leased[]): Promise<AllJudged> {
  const ids = [...new Set(leased.map(({ reference }) => reference.delivery))];
  const records = await round.deliveries.read(ids);
  const recordOf = new Map(ids.map((id, index) => [id, records[index]]));
  const keys = [...new Set(leased.map(({ reference }) => reference.key))];
  const entries = await round.ledger.read(keys, round.at());
  const entryOf = new Map(keys.map((key, index) => [key, entries[index]]));
  const { contract } = await round.standings.read(refsOf(round.subscription));
  const weighed: Weighed[] = [];
  const over: AllJudged['over'] = [];
  const seen = new Set<string>();
  for (const one of leased) {
    const { delivery, key } = one.reference;
    const known = recordOf.get(delivery);
    if (!known) continue;
    const waits = known.status === 'available' && !seen.has(delivery);
    if (!waits && !isEnded(known) && round.at().getTime() - one.sentAt.getTime() < WRITTEN_BY_MS) continue;
    // A second copy, or of what was decided without it.
    if (!waits) over.push({ leased: one });
    else weighed.push(await weigh(round, one, known, entryOf.get(key)));
    seen.add(delivery);
  }
  const { judgements, period } = contract
    ? await withinQuota(round, contract, weighed, round.at())
    : { judgements: weighed, period: undefined };
  const passing = judgements.filter(passes);
  const withheld = judgements.filter((one) => !passes(one));
  return {
    passing,
    over: [...over, ...withheld.map((one) => ({ leased: one.leased, weighed: one }))],
    contract,
    period,
  };
}

const isEnded = ({ status }: Delivery): boolean => ENDED.has(status);
const ENDED: ReadonlySet<Delivery['status']> = new Set(['delivered', 'gone', 'erased']);

const passes = (one: Weighed): one is Passing =>
  one.entry !== undefined && (one.verdict.kind === 'deliver' || one.verdict.kind === 'redact');

async function weigh(
  round: Round,
  leased: Leased,
  known: Delivery,
  entry: LedgerEntry | undefined,
): Promise<Weighed> {
  const { delivery, sequence, key, replay } = leased.reference;
  const refs = refsOf(round.subscription);
  const standing = await round.standings.read(replay === undefined ? refs : { ...refs, replay });
  const erased = await wasErased(round, standing, key, round.at());
  const verdict: Verdict = erased
    ? ERASED
    : entry
      ? verdictOn(standing, judged(routed(entry)), round.at())
      : { kind: 'withhold', clause: 'dataset.retentionDays' };
  return { leased, known, entry, standing, delivery, sequence, verdict };
}

/** The events as their contract lets them be seen. */
export const parcelsOf = (round: Round, some: Passing[]): Promise<Parcel[]> =>
  Promise.all(
    some.map(async ({ delivery, entry, standing, known }) => ({
      delivery,
      event: await minimised(round, routed(entry), standing, known.replay),
    })),
  );
