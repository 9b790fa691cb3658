import type { Subscription } from '../../schemas/subscription.ts';
import { matchesWhole } from '../payloads/filter.ts';
import { ERASED, wasErased } from '../personal-data/in-flight.ts';
import type { Clock, HandOver, Ledger, Payloads, Sealer } from '../ports.ts';
import type { Door } from './door.ts';
import type { Gate } from './health.ts';
import { type Done, isFetched } from './keep.ts';
import {
  answered,
  finish,
  type Held,
  heldBack,
  later,
  type OutcomeDeps,
  type Parties,
  toPull,
  withheld,
} from './outcome.ts';
import type { Units } from './quota.ts';
import { signingOf } from './signing.ts';
import type { StandingReader } from './standing.ts';
import type { Task } from './tasks.ts';
import type { Ready, Seat } from './together.ts';
import { type Standing, type Verdict, verdictOn } from './verdict.ts';
import { judged, minimised } from './wire.ts';

/** What handling one delivery needs of the world. */
export interface HandleDeps extends OutcomeDeps {
  standings: StandingReader;
  ledger: Pick<Ledger, 'read'>;
  handOver: HandOver;
  sealer: Pick<Sealer, 'unseal' | 'derive'>;
  /** Where the mesh answers; events say by it where their schema is. */
  publicUrl?: string | undefined;
  /** Where large data is; only filters look into it here. */
  payloads?: Pick<Payloads, 'read'> | undefined;
  /** Whether an endpoint may be sent to. */
  gate: Gate;
  now: Clock;
}

/** How often a verdict is asked that is too old once its parcel is made, before the message is held. */
const JUDGED_AT_MOST = 3;

/** What a task is handled with, and when it comes too late. */
export interface Turn {
  units: Units;
  seat: Seat;
  door: Door;
  isLate: () => boolean;
  /** It is the probe of an endpoint that is spared, already. */
  probe?: boolean;
}

/**
 * What becomes of one task: the verdict just before the send, and again where making the parcel took too long. Undefined
 * where there is nothing to do; rejects where the message must come again.
 */
export async function handle(
  deps: HandleDeps,
  task: Task,
  turn: Turn,
  tries = JUDGED_AT_MOST,
): Promise<Done | undefined> {
  // First: what was erased has no data left that a filter could be held against.
  const early = await deps.standings.read(task.refs);
  if (precedes(task, early.subscription)) return undefined;
  const erased = await wasErased(deps, early, task.routed.key, deps.now());
  const passes = erased || (await passesFilter(deps, task));
  const standing = await deps.standings.read(task.refs);
  const { subscription } = standing;
  const now = deps.now();
  if (!passes) {
    const verdict = { kind: 'withhold', clause: 'subscription.filter' } as const;
    return task.before && finish(task, standing, { status: 'withheld', verdict }, now);
  }
  if (erased || (await wasErased(deps, standing, task.routed.key, now)))
    return finish(task, standing, { status: 'erased', verdict: ERASED }, now);
  const verdict = verdictOn(standing, judged(task.routed), now);
  if (verdict.kind === 'withhold' || !subscription || !standing.contract)
    return withheld(task, standing, verdict, now);
  if (verdict.kind === 'delay')
    return later(task, standing, { status: 'delayed', verdict }, verdict.until, now);
  if (isFetched(subscription.destination)) return toPull(deps, task, standing, verdict, now);
  const probe = await gateFor(deps, subscription, turn, now);
  if (typeof probe !== 'boolean') return heldBack(deps, task, standing, probe, now);
  const { destination } = subscription;
  const parties = { standing, subscription, contract: standing.contract, destination };
  const done = await attempt(deps, task, parties, turn, { verdict, probe, now });
  if (done !== 'late') return done;
  if (tries > 1) return handle(deps, task, { ...turn, probe }, tries - 1);
  throw new Error('the request took too long to make for its verdict to stand');
}

/** Hands a delivery over unless its contract's quota is used up, or its verdict has become too old. */
async function attempt(
  deps: HandleDeps,
  task: Task,
  parties: Parties,
  { units, seat }: Turn,
  { verdict, probe, now }: { verdict: Verdict; probe: boolean; now: Date },
): Promise<Done | 'late'> {
  const { standing, subscription, contract, destination } = parties;
  const unit = units.judge(task.id, contract, task.before, now);
  if ('verdict' in unit) {
    const step = { status: 'withheld', verdict: unit.verdict, dueAt: unit.verdict.until } as const;
    return finish(task, standing, step, now);
  }
  const parts = await prepare(deps, task, standing, subscription);
  const handed = await seat.hand({
    ...parts,
    destination,
    judgedAt: now,
    again: (task.before?.attemptCount ?? 0) > 0,
  });
  if (handed === 'late') return handed;
  return answered(deps, task, parties, handed, { verdict, quotaPeriod: unit.period, probe });
}

/** Why a delivery is not attempted now; else whether it is a probe. */
async function gateFor(
  deps: HandleDeps,
  subscription: Subscription,
  turn: Turn,
  now: Date,
): Promise<Held | boolean> {
  if (turn.probe) return true;
  if (turn.isLate()) return 'crowded';
  const gate = await deps.gate(subscription, now);
  if (gate === 'wait' || gate === 'soon') return gate;
  // A probe counts too, and goes all the same: while there are probes, nothing else does.
  const later = await turn.door.ask();
  return gate === 'probe' || (later ?? false);
}

/**
 * Whether an event was accepted before its subscription was made: routed late, or again, it meets the rule all the same.
 * Only a replay brings what came before.
 */
const precedes = ({ routed, refs }: Task, subscription: Subscription | undefined): boolean =>
  refs.replay === undefined &&
  subscription !== undefined &&
  judged(routed).acceptedAt.getTime() < Date.parse(subscription.createdAt);

/**
 * Whether the filter lets an event pass, where its rule did not say so: while a changed filter settles, the rule of the
 * old one still matches; and no rule sees large data.
 */
async function passesFilter(deps: HandleDeps, { refs, routed }: Task): Promise<boolean> {
  const { subscription } = await deps.standings.read(refs);
  if (!subscription || (!subscription.rule.replaces && routed.payload === undefined)) return true;
  return matchesWhole(deps.payloads, subscription, routed);
}

/** What is handed over, and what it is signed with: all that takes time between verdict and send. */
async function prepare(
  deps: HandleDeps,
  task: Task,
  standing: Standing,
  subscription: Subscription,
): Promise<Pick<Ready, 'parcel' | 'signing'>> {
  const event = await minimised(deps, task.routed, standing, task.refs.replay);
  const signing = await signingOf(deps.sealer, subscription, deps.now());
  return { parcel: { delivery: task.id, event }, signing };
}
