import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { matchesWhole } from '../payloads/filter.ts';
import type {
  Clock,
  Deliveries,
  DeliveryMessage,
  DeliveryQueue,
  HandOver,
  Ledger,
  Passages,
  Payloads,
  PullQueues,
  Quotas,
  Sealer,
} from '../ports.ts';
import { dayOf } from '../usage/period.ts';
import { type Door, openDoor } from './door.ts';
import type { Gate, NoteHealth } from './health.ts';
import { type Done, isFetched, keep, queueReferences } from './keep.ts';
import { type Asking, takeUnits, type Units } from './quota.ts';
import { attemptOf, recorded, type Step } from './record.ts';
import { afterAnswer, askedSeconds, type Chance, MAX_DELAY_SECONDS, prolonged } from './retry.ts';
import { signingOf } from './signing.ts';
import type { StandingReader } from './standing.ts';
import { ERASED, wasErased } from '../personal-data/in-flight.ts';
import { type Task, tasksOf } from './tasks.ts';
import { type Handed, type Ready, type Seat, seats } from './together.ts';
import { turns } from './turns.ts';
import { DISABLED, type Standing, type Verdict, verdictOn } from './verdict.ts';
import { judged, minimised } from './wire.ts';

/** What delivering needs of the world. */
export interface DeliverDeps {
  standings: StandingReader;
  ledger: Pick<Ledger, 'read'>;
  deliveries: Pick<Deliveries, 'read' | 'write'>;
  queue: DeliveryQueue;
  pullQueues: Pick<PullQueues, 'send'>;
  handOver: HandOver;
  sealer: Pick<Sealer, 'unseal' | 'derive'>;
  /** Where the mesh answers; events say by it where their schema is. */
  publicUrl?: string | undefined;
  /** Where large data is; only filters look into it here. */
  payloads?: Pick<Payloads, 'read'> | undefined;
  quotas: Pick<Quotas, 'take' | 'giveBack'>;
  noteHealth: NoteHealth;
  /** Whether an endpoint may be sent to. */
  gate: Gate;
  /** What is counted over all functions, of those receivers that ask for it. */
  passages: Passages;
  chance: Chance;
  now: Clock;
  territory: Pick<Territory, 'retryWaits' | 'webhookTimeout' | 'pullRetention'>;
}

/** What became of the messages of one batch. */
export interface DeliverReport {
  /** Indices of messages that must come again: something could not be read or written. */
  failed: number[];
  /** What went wrong first: why a message failed, or why a subscription's status could not be kept. */
  error?: unknown;
  /** The records written. */
  records: Delivery[];
  /** Messages that another one had overtaken, or that no rule stands for any more. */
  dropped: number;
}

/** How often a verdict is asked that is too old once its parcel is made, before the message is held. */
const JUDGED_AT_MOST = 3;
/** A wake-up that has not come so long after its time is taken to be lost: the clock then sends another. */
const LOST_AFTER_MS = 120_000;
/** How long a message waits on the queue where its destination has as many at once as it wants. */
const CROWDED_SECONDS = 5;
/** What a function has of its time beside its requests. */
const LEFT_OVER_MS = 15_000;

/**
 * Takes messages of the delivery queue: asks the verdict just before each send, minimises, signs, sends and records.
 * Each message stands for itself; what fails is named, to be received again.
 */
export async function deliver(deps: DeliverDeps, messages: DeliveryMessage[]): Promise<DeliverReport> {
  const tasks = await tasksOf(deps, messages);
  await deps.standings.prefetch(tasks.flatMap((task) => task?.refs ?? [])).catch(() => undefined);
  const units = await takeUnits(deps.quotas, await askingOf(deps, tasks), deps.now());
  const results = await handled(deps, tasks, units);
  const failed = new Map<number, unknown>();
  const done = new Map<number, Done>();
  for (const [index, result] of results.entries()) {
    if (result.status === 'rejected') failed.set(index, result.reason);
    else if (result.value) done.set(index, result.value);
  }
  await queueReferences(deps, done, failed);
  const records = [...done.values()].map(({ record }) => record);
  await units.giveBackBut(records);
  const unnoted = await keep(deps, [...done.values()]);
  const [error = unnoted] = failed.values();
  return {
    failed: [...failed.keys()],
    ...(error !== undefined && { error }),
    records,
    dropped: results.length - failed.size - done.size,
  };
}

/**
 * What becomes of each task; those of one subscription may be handed over together. Of one destination that takes each
 * by itself at most as many go side by side as it wants; those that have waited for as long as a request may take are
 * not sent any more, so that a batch never takes longer than two of them.
 */
async function handled(
  deps: DeliverDeps,
  tasks: (Task | undefined)[],
  units: Units,
): Promise<PromiseSettledResult<Done | undefined>[]> {
  const groups = Map.groupBy(tasks, (task) => task?.message.subscription.id);
  const seatOf = new Map([...groups].map(([id, group]) => [id, seats(deps, group.length)]));
  const inTurn = turns();
  const end = deps.now().getTime() + milliseconds(deps.territory.webhookTimeout);
  const doors = new Map<string, Promise<Door>>();
  const doorOf = (task: Task): Promise<Door> => {
    const { id } = task.message.subscription;
    const opening = doors.get(id) ?? doorFor(deps, task, groups.get(id)?.length ?? 1);
    doors.set(id, opening);
    return opening;
  };
  const inItsTurn = async (task: Task, seat: Seat): Promise<Done | undefined> => {
    const door = await doorOf(task);
    return inTurn(task.refs.id, Math.max(1, door.atOnce), (waited) => {
      const isLate = (): boolean => door.atOnce === 0 || (waited && deps.now().getTime() > end);
      return handle(deps, task, { units, seat, door, isLate });
    });
  };
  const results = await Promise.allSettled(
    tasks.map((task) => {
      const seat = task && seatOf.get(task.message.subscription.id)?.();
      return seat && inItsTurn(task, seat).finally(seat.leave);
    }),
  );
  const opened = await Promise.allSettled(doors.values());
  await Promise.all(opened.map((door) => door.status === 'fulfilled' && door.value.close()));
  return results;
}

/** A batch takes two requests, one after the other, and a little: then a function that crashed has none open any more. */
async function doorFor(deps: DeliverDeps, { id, refs }: Task, count: number): Promise<Door> {
  // What cannot be read is held when it is handled.
  const standing = await deps.standings.read(refs).catch(() => undefined);
  const untilMs = 2 * milliseconds(deps.territory.webhookTimeout) + LEFT_OVER_MS;
  return openDoor(deps, standing?.subscription, { count, name: `${id} ${deps.chance()}`, untilMs });
}

/** What a task is handled with, and when it comes too late. */
interface Turn {
  units: Units;
  seat: Seat;
  door: Door;
  isLate: () => boolean;
  /** It is the probe of an endpoint that is spared, already. */
  probe?: boolean;
}

/** Those of a batch that need a unit of a quota: what will be sent, and has none yet. What is fetched takes its own. */
async function askingOf(deps: DeliverDeps, tasks: (Task | undefined)[]): Promise<Asking[]> {
  const asking = tasks.map(async (task) => {
    // What cannot be read is held when it is handled.
    const standing = task && (await deps.standings.read(task.refs).catch(() => undefined));
    const contract = standing?.contract;
    if (!standing || !contract?.terms.quota || !task || task.before?.quotaPeriod !== undefined) return [];
    if (standing.subscription && isFetched(standing.subscription.destination)) return [];
    const { kind } = verdictOn(standing, judged(task.routed), deps.now());
    return kind === 'deliver' || kind === 'redact'
      ? [{ id: task.id, sequence: task.routed.sequence, contract }]
      : [];
  });
  return (await Promise.all(asking)).flat();
}

async function handle(
  deps: DeliverDeps,
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

interface Parties {
  standing: Standing;
  subscription: Subscription;
  contract: Contract;
  destination: Ready['destination'];
}

/** Hands a delivery over unless its contract's quota is used up, or its verdict has become too old. */
async function attempt(
  deps: DeliverDeps,
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

type Held = 'wait' | 'soon' | 'crowded' | Date;

/** Why a delivery is not attempted now; else whether it is a probe. */
async function gateFor(
  deps: DeliverDeps,
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

/** What its verdict withholds; parked where that is since its subscription has failed for too long. */
function withheld(task: Task, standing: Standing, verdict: Verdict, now: Date): Done {
  const { subscription } = standing;
  if (!subscription || verdict.clause !== DISABLED)
    return finish(task, standing, { status: 'withheld', verdict }, now);
  const until = new Date(keptUntil(task, standing) * 1000);
  const parked = { delivery: task.id, attempts: task.before?.attemptCount ?? 0, until };
  const went = { next: 'parked', count: 0, unattempted: true, parked } as const;
  return { ...finish(task, standing, { status: 'parked', verdict }, now), health: { subscription, went } };
}

/** What is not attempted: it waits until its endpoint is well, or comes again in its minute, or in a moment. */
function heldBack({ chance }: DeliverDeps, task: Task, standing: Standing, gate: Held, now: Date): Done {
  if (gate instanceof Date) {
    const verdict = { kind: 'delay', clause: 'destination.rate', until: gate } as const;
    return later(task, standing, { status: 'delayed', verdict }, gate, now);
  }
  const clause = gate === 'crowded' ? 'destination.concurrency' : 'subscription.circuit=open';
  if (gate === 'wait') {
    const verdict = { kind: 'delay', clause, until: now } as const;
    return finish(task, standing, { status: 'waiting', verdict, dueAt: now }, now);
  }
  const until = new Date(now.getTime() + prolonged(CROWDED_SECONDS, chance) * 1000);
  return later(task, standing, { status: 'delayed', verdict: { kind: 'delay', clause, until } }, until, now);
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
async function passesFilter(deps: DeliverDeps, { refs, routed }: Task): Promise<boolean> {
  const { subscription } = await deps.standings.read(refs);
  if (!subscription || (!subscription.rule.replaces && routed.payload === undefined)) return true;
  return matchesWhole(deps.payloads, subscription, routed);
}

/** What is handed over, and what it is signed with: all that takes time between verdict and send. */
async function prepare(
  deps: DeliverDeps,
  task: Task,
  standing: Standing,
  subscription: Subscription,
): Promise<Pick<Ready, 'parcel' | 'signing'>> {
  const event = await minimised(deps, task.routed, standing, task.refs.replay);
  const signing = await signingOf(deps.sealer, subscription, deps.now());
  return { parcel: { delivery: task.id, event }, signing };
}

function answered(
  deps: DeliverDeps,
  task: Task,
  { standing, subscription, contract }: Parties,
  { answer, bytes, at }: Exclude<Handed, 'late'>,
  { probe, ...judgement }: Pick<Step, 'verdict' | 'quotaPeriod'> & { probe: boolean },
): Done {
  const now = deps.now();
  const count = (task.before?.attemptCount ?? 0) + 1;
  const keptSeconds = keptUntil(task, standing) - now.getTime() / 1000;
  const plan = { waits: deps.territory.retryWaits, chance: deps.chance, keptSeconds };
  const next = afterAnswer(answer, count, plan, now);
  const step = { ...judgement, attempt: attemptOf(answer, at, now.getTime() - at.getTime()) };
  const askedMs = askedSeconds(answer, now) * 1000;
  const until = new Date(keptUntil(task, standing) * 1000);
  const parked = next.kind === 'parked' && { parked: { delivery: task.id, attempts: count, until } };
  const health = { subscription, went: { next: next.kind, count, probe, askedMs, ...parked } };
  if (next.kind === 'retry') {
    const due = new Date(now.getTime() + next.afterSeconds * 1000);
    return { ...later(task, standing, { ...step, status: 'retrying' }, due, now), health };
  }
  if (next.kind !== 'delivered' || task.before?.countedOn !== undefined)
    return { ...finish(task, standing, { ...step, status: next.kind }, now), health };
  const handed = { delivery: task.id, contract, day: dayOf(at), bytes };
  const counted = { ...step, status: next.kind, countedOn: handed.day };
  return { ...finish(task, standing, counted, now), health, handed };
}

/** What nobody fetches in time is due then: the clock parks it. */
function toPull(
  { territory }: Pick<DeliverDeps, 'territory'>,
  task: Task,
  standing: Standing,
  verdict: Verdict,
  now: Date,
): Done {
  const queue = standing.subscription?.pullQueue;
  if (!queue) throw new Error(`subscription ${task.message.subscription.id} pulls, but has no queue yet`);
  const { routed, refs } = task;
  const reference = {
    ...{ delivery: task.id, key: routed.key, sequence: routed.sequence },
    ...(refs.replay !== undefined && { replay: refs.replay }),
  };
  const dueAt = new Date(now.getTime() + milliseconds(territory.pullRetention));
  return {
    ...finish(task, standing, { status: 'available', verdict, dueAt }, now),
    pull: { queue, reference },
  };
}

/**
 * Waits up to 15 minutes go back to the queue; longer ones are due items, released by the clock. The short ones are due
 * too, a while after their time: were this interrupted before the wake-up is sent, the message that comes again would
 * find itself overtaken, and nothing else would wake the delivery.
 */
function later(task: Task, standing: Standing, step: Step, due: Date, now: Date): Done {
  const wait = Math.max(0, Math.ceil((due.getTime() - now.getTime()) / 1000));
  if (wait > MAX_DELAY_SECONDS) return finish(task, standing, { ...step, dueAt: due }, now);
  const done = finish(task, standing, { ...step, dueAt: new Date(due.getTime() + LOST_AFTER_MS) }, now);
  const { key, sequence } = task.routed;
  const again = { delivery: task.id, attempts: done.record.attemptCount };
  const message = { subscription: task.message.subscription, event: { key, sequence }, again };
  return { ...done, again: { message, delaySeconds: wait } };
}

/** Until when an event is kept, in epoch seconds. */
const keptUntil = (task: Task, { dataset }: Standing): number =>
  Math.floor(judged(task.routed).acceptedAt.getTime() / 1000) + (dataset?.retentionDays ?? 1) * 86_400;

function finish(task: Task, standing: Standing, step: Step, now: Date): Done {
  return {
    record: recorded(
      task.id,
      task.message.subscription.id,
      task.routed,
      task.before,
      { ...step, replay: task.refs.replay },
      now,
      keptUntil(task, standing),
    ),
  };
}
