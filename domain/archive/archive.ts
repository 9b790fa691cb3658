import { isDeepStrictEqual } from 'node:util';
import { decodeTime } from 'ulid';
import { milliseconds } from '../../schemas/duration.ts';
import { eachApart, inTurn } from '../clock/apart.ts';
import { refsOf } from '../clock/release.ts';
import { allItems } from '../control.ts';
import { afterAttempt, type Went } from '../deliver/health.ts';
import { standingReader } from '../deliver/standing.ts';
import { type Standing, standingClause } from '../deliver/verdict.ts';
import { subscriptionNotice } from '../notices.ts';
import { dayOf } from '../usage/period.ts';
import { judgeAll, parcelsOf, type Weighed } from './judge.ts';
import { refused, written } from './record.ts';
import type { ArchiveDeps, Leased, Round } from './round.ts';

/** How many references are taken at once: their events are in memory together. */
const MOST_AT_ONCE = 200;
const MOST_IN_ONE_CALL = 10;
/** While one beat works on a reference, no other one starts on it: as long as the clock may take. */
const LEASE_SECONDS = 180;

/**
 * Writes what waits for archives, a portion of each at a time, the consumers by turns, until `goesOn` says no. What is
 * written is recorded, and what is recorded leaves its queue: interrupted, it comes again. Answers how many events were
 * written.
 */
export async function writeArchives(
  deps: ArchiveDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<number> {
  const began = deps.clock().getTime();
  const at = (): Date => new Date(now.getTime() + deps.clock().getTime() - began);
  const standings = standingReader(deps.registry, {
    maxAgeMs: milliseconds(deps.territory.verdictFreshness),
    now: () => at().getTime(),
  });
  let count = 0;
  const tended = await allItems((page) => deps.registry.list('subscriptionsToTend', {}, page));
  const rounds = tended.flatMap((subscription): Round[] => {
    const { destination, pullQueue: queue, status } = subscription;
    if (destination.kind !== 's3' || queue === undefined || status === 'ended') return [];
    return [{ ...deps, standings, at, subscription, destination, queue }];
  });
  const turns = inTurn(rounds, ({ subscription }) => subscription.consumer, now);
  const oneTurn = async (round: Round): Promise<void> => {
    try {
      const leased = await take(round);
      // The list may be seconds behind: what goes to another bucket by now comes again, when the list knows it.
      if (leased.length === 0 || isElsewhere(await standingOf(round), round)) return;
      count += await writeSome(round, leased);
      // More may wait: that is for another turn, behind all others.
      turns.push(round);
    } catch (error) {
      // The list may be seconds behind, and a subscription that has ended has no queue any more.
      if (!(await hasEnded(deps, round.subscription.id))) throw error;
    }
  };
  await eachApart(turns, oneTurn, goesOn);
  return count;
}

/** Whether what waits goes to another place by now. */
const isElsewhere = ({ subscription }: Standing, { destination }: Round): boolean =>
  subscription !== undefined && !isDeepStrictEqual(subscription.destination, destination);

const standingOf = ({ standings, subscription }: Round): Promise<Standing> =>
  standings.read(refsOf(subscription));

async function hasEnded({ registry }: Pick<ArchiveDeps, 'registry'>, id: string): Promise<boolean> {
  const subscription = await registry.read('subscription', id);
  return subscription === undefined || subscription.status === 'ended';
}

async function take({ pullQueues, queue }: Round): Promise<Leased[]> {
  const leased: Leased[] = [];
  while (leased.length < MOST_AT_ONCE) {
    const some = await pullQueues.receive(queue, MOST_IN_ONE_CALL, 0, LEASE_SECONDS);
    leased.push(...some);
    if (some.length === 0) break;
  }
  return leased;
}

async function writeSome(round: Round, leased: Leased[]): Promise<number> {
  const { passing, over, contract, period } = await judgeAll(round, leased);
  await settle(round, over);
  if (!contract) return 0;
  let count = 0;
  for (const day of Map.groupBy(passing, dayOfAcceptance).values()) {
    const parcels = await parcelsOf(round, day);
    const standing = await standingOf(round);
    // What has come to an end since it was judged stays, and is judged anew.
    if (standingClause(standing, round.at()) !== undefined || isElsewhere(standing, round)) return count;
    const at = round.at();
    const { destination, handOver } = round;
    const handed = await handOver({ destination, parcels, signing: { secrets: [] }, at });
    const outcome = written(round, day, handed, { contract, period, asked: at });
    await round.deliveries.write(outcome.records, outcome.tallies);
    await round.pullQueues.ack(
      round.queue,
      day.map(({ leased: { lease } }) => lease),
    );
    await noteHealth(round, outcome.worst);
    count += outcome.delivered;
  }
  return count;
}

/** What is not written: recorded where that says something new, then out of the queue. */
async function settle(round: Round, over: { leased: Leased; weighed?: Weighed }[]): Promise<void> {
  const records = over.flatMap(({ weighed }) => (weighed ? refused(round, weighed) : []));
  if (records.length > 0) await round.deliveries.write(records);
  if (over.length > 0)
    await round.pullQueues.ack(
      round.queue,
      over.map(({ leased: { lease } }) => lease),
    );
}

/** The events of one day stand in one object: each is written by a verdict of its own. */
const dayOfAcceptance = ({ entry }: { entry: { sequence: string } }): string =>
  dayOf(new Date(decodeTime(entry.sequence)));

/** Parked, the subscription fails; written again, it is well. An archive has no endpoint that would have to be spared. */
async function noteHealth(
  { registry, territory, random, subscription, at }: Round,
  went: Went | undefined,
): Promise<void> {
  if (!went || (went.next === 'delivered' && subscription.failingSince === undefined)) return;
  const before = await registry.read('subscription', subscription.id);
  const item = before && afterAttempt(before, went, territory, at());
  if (!before || !item) return;
  const told = item.status === before.status ? [] : subscriptionNotice(random)(item, at());
  await registry.write([{ do: 'replace', noun: 'subscription', before, item }, ...told]);
}
