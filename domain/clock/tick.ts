import { milliseconds } from '../../schemas/duration.ts';
import type { Territory } from '../../schemas/territory.ts';
import { announceOffers, settleContracts } from '../contracts/settle.ts';
import { settleRetirements } from '../datasets/retire.ts';
import { settleSchemas } from '../evolution/plan.ts';
import { type PushDeps, pushNotices } from '../notices-pushed/push.ts';
import type { Random } from '../ids.ts';
import { cleanDeadLetters } from '../personal-data/dead-letters.ts';
import { continueErasures } from '../personal-data/receivers.ts';
import { sweepPayloads } from '../payloads/sweep.ts';
import { type SweepDeps, sweepUploads } from '../uploads/end.ts';
import { sweepExpired } from '../personal-data/sweep.ts';
import type {
  Bus,
  DeadLetters,
  Deliveries,
  DeliveryQueue,
  Ledger,
  Payloads,
  Registry,
  RouteGaps,
  Rules,
  Sealer,
  SetAside,
  Usage,
} from '../ports.ts';
import { tendDeadLetters, type TendedLetters } from '../dead-letters/by-the-clock.ts';
import type { RedriveDeps } from '../dead-letters/redrive.ts';
import { eachApart } from './apart.ts';
import { writeArchives } from '../archive/archive.ts';
import type { ArchiveDeps } from '../archive/round.ts';
import { advanceReplays } from '../replay/advance.ts';
import { atTimes } from './round.ts';
import { reconcileRules } from './reconcile.ts';
import { drainWaiting } from './drain.ts';
import { releaseDue } from './release.ts';
import { reroute } from './reroute.ts';
import { settleSubscriptions } from './settle.ts';

/** What the clock needs of the world. */
export interface TickDeps
  extends
    Pick<PushDeps, 'send' | 'mail' | 'clock' | 'chance'>,
    Pick<ArchiveDeps, 'pullQueues' | 'quotas' | 'handOver' | 'publicUrl'> {
  random: Random;
  checkUpload: SweepDeps['checkUpload'];
  registry: Registry;
  ledger: Ledger;
  payloads: Pick<Payloads, 'days' | 'removeDay' | 'remove' | 'names' | 'dropParts'>;
  deliveries: Deliveries;
  usage: Pick<Usage, 'fold'>;
  queue: DeliveryQueue;
  bus: Bus;
  rules: Rules;
  gaps: RouteGaps;
  deadLetters: DeadLetters;
  setAside: SetAside;
  admitAgain: RedriveDeps['admitAgain'];
  sealer: Pick<Sealer, 'derive' | 'unseal'>;
  territory: PushDeps['territory'] &
    ArchiveDeps['territory'] &
    Pick<
      Territory,
      | 'ruleSettling'
      | 'verdictFreshness'
      | 'reconcileEvery'
      | 'drainOver'
      | 'redriveAfter'
      | 'deadLetterRetention'
      | 'sweepEvery'
      | 'sweepAfter'
    >;
}

/** How much of each kind one tick did. */
export interface TickReport extends TendedLetters {
  released: number;
  parked: number;
  drained: number;
  settled: number;
  backfilled: number;
  rulesPut: number;
  rulesRemoved: number;
  rerouted: number;
  talliesFolded: number;
  offersAnnounced: number;
  contractsMoved: number;
  datasetsRetired: number;
  noticesPushed: number;
  archived: number;
  schemasChanged: number;
  replayed: number;
  erasureSteps: number;
  deadLettersRemoved: number;
  eventsSwept: number;
  deliveriesSwept: number;
  payloadsSwept: number;
  uploadsSwept: number;
}

/**
 * One beat of the mesh, for the instant `now`. Each part is safe to repeat and stands for itself: when one throws, the
 * others are done all the same, and the first error is thrown at the end.
 */
export async function tick(deps: TickDeps, now: Date): Promise<TickReport> {
  const errors: unknown[] = [];
  const part = <Result>(work: Promise<Result>, otherwise: Result): Promise<Result> =>
    work.catch((error: unknown) => {
      errors.push(error);
      return otherwise;
    });
  const due = await part(releaseDue(deps, now, within(deps, 'due')), { released: 0, parked: 0 });
  const drained = await part(drainWaiting(deps, now, within(deps, 'drain')), 0);
  const rerouted = await part(closeGaps(deps, now), 0);
  const talliesFolded = await part(deps.usage.fold(now), 0);
  // Rules first: what settles needs its rule to be there.
  const rules = await part(reconcileAtTimes(deps, now), { put: 0, removed: 0 });
  const settling = await part(settleSubscriptions(deps, now, within(deps, 'settle')), {
    settled: 0,
    backfilled: 0,
  });
  const control = { ...deps, now: () => now };
  const offersAnnounced = await part(announceOffers(control), 0);
  const contractsMoved = await part(settleContracts(control), 0);
  const datasetsRetired = await part(settleRetirements(control), 0);
  const schemasChanged = await part(settleSchemas(control), 0);
  const replayed = await part(advanceReplays(deps, now, within(deps, 'replays')), 0);
  // Before erasures go on: one that this beat closes has had the dead letters looked through.
  const letters = await part(cleanDeadLetters(deps, now), { removed: 0, whole: false });
  const erasureSteps = await part(
    continueErasures(control, now, { mayClose: letters.whole, goesOn: within(deps, 'erasures') }),
    0,
  );
  // After them: what was erased is not to be sent on.
  const tended = await part(tendDeadLetters(deps, now), { lettersSentOn: 0, lettersParked: 0 });
  const swept = await part(sweepExpired(deps, now), { eventsSwept: 0, deliveriesSwept: 0 });
  const payloadsSwept = await part(sweepPayloads(deps.payloads, now), 0);
  const uploadsSwept = await part(sweepUploads(deps, now, within(deps, 'uploads')), 0);
  const archived = await part(writeArchives(deps, now, within(deps, 'archives')), 0);
  // Last: receivers take their time.
  const noticesPushed = await part(pushNotices(deps, now, within(deps, 'notices')), 0);
  if (errors.length > 0) throw errors[0];
  return {
    ...due,
    drained,
    rerouted,
    rulesPut: rules.put,
    rulesRemoved: rules.removed,
    talliesFolded,
    ...settling,
    offersAnnounced,
    contractsMoved,
    datasetsRetired,
    noticesPushed,
    archived,
    schemasChanged,
    replayed,
    erasureSteps,
    deadLettersRemoved: letters.removed,
    ...tended,
    ...swept,
    payloadsSwept,
    uploadsSwept,
  };
}

/** Reads every rule and every subscription, and so not at each beat: what settles sees for itself that its rule stands. */
async function reconcileAtTimes(deps: TickDeps, now: Date): Promise<{ put: number; removed: number }> {
  let count = { put: 0, removed: 0 };
  const everyMs = milliseconds(deps.territory.reconcileEvery);
  await atTimes(deps.registry, { id: 'reconcile-rules', everyMs }, now, async () => {
    count = await reconcileRules(deps, now);
  });
  return count;
}

/**
 * How long one beat does what may be much, in milliseconds: what is left is done at the next one. Each may come to its end
 * with one step more, at the worst with a receiver's 15 s, and of the clock's three minutes something remains for all else.
 */
export const AT_MOST_MS = {
  due: 20_000,
  drain: 15_000,
  gaps: 15_000,
  settle: 15_000,
  replays: 15_000,
  erasures: 10_000,
  uploads: 10_000,
  archives: 15_000,
  notices: 10_000,
};

const within = ({ clock }: Pick<TickDeps, 'clock'>, part: keyof typeof AT_MOST_MS): (() => boolean) => {
  const until = clock().getTime() + AT_MOST_MS[part];
  return () => clock().getTime() < until;
};

/**
 * A gap leaves its queue only once all of it was routed, or what is left was reported; one that cannot be closed does
 * not hold up the others. What is no gap stays, and the beat fails until an operator has looked at it.
 */
async function closeGaps(deps: TickDeps, now: Date): Promise<number> {
  let count = 0;
  const goesOn = within(deps, 'gaps');
  await eachApart(await deps.gaps.receive(), async ({ gap, lease }) => {
    if (!gap) throw new Error('the dead letters of route hold something that cannot be routed again');
    const rerouted = await reroute(deps, gap, now, goesOn);
    count += rerouted.count;
    if (rerouted.left) await deps.gaps.report(rerouted.left);
    await deps.gaps.close(lease);
  });
  return count;
}
