import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
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
  Payloads,
  PullQueues,
  Quotas,
  Sealer,
} from '../ports.ts';
import { dayOf } from '../usage/period.ts';
import type { NoteHealth } from './health.ts';
import { type Done, keep, queueReferences } from './keep.ts';
import { type Asking, takeUnits, type Units } from './quota.ts';
import { attemptOf, recorded, type Step } from './record.ts';
import { afterAnswer, MAX_DELAY_SECONDS } from './retry.ts';
import { signingOf } from './signing.ts';
import type { StandingReader } from './standing.ts';
import { ERASED, wasErased } from '../personal-data/in-flight.ts';
import { type Task, tasksOf } from './tasks.ts';
import { type Handed, type Ready, type Seat, seats } from './together.ts';
import { type Standing, type Verdict, verdictOn } from './verdict.ts';
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
  now: Clock;
  territory: Pick<Territory, 'retryWaits'>;
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

/** What becomes of each task; those of one subscription may be handed over together. */
function handled(
  deps: DeliverDeps,
  tasks: (Task | undefined)[],
  units: Units,
): Promise<PromiseSettledResult<Done | undefined>[]> {
  const groups = Map.groupBy(tasks, (task) => task?.message.subscription.id);
  const seatOf = new Map([...groups].map(([id, group]) => [id, seats(deps, group.length)]));
  return Promise.allSettled(
    tasks.map((task) => {
      const seat = task && seatOf.get(task.message.subscription.id)?.();
      return seat && handle(deps, task, units, seat).finally(seat.leave);
    }),
  );
}

/** Those of a batch that need a unit of a quota: what will be sent, and has none yet. A pull takes its own. */
async function askingOf(deps: DeliverDeps, tasks: (Task | undefined)[]): Promise<Asking[]> {
  const asking = tasks.map(async (task) => {
    // What cannot be read is held when it is handled.
    const standing = task && (await deps.standings.read(task.refs).catch(() => undefined));
    const contract = standing?.contract;
    if (!standing || !contract?.terms.quota || !task || task.before?.quotaPeriod !== undefined) return [];
    if (standing.subscription?.destination.kind === 'pull') return [];
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
  units: Units,
  seat: Seat,
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
    return finish(task, standing, { status: 'withheld', verdict }, now);
  if (verdict.kind === 'delay')
    return later(task, standing, { status: 'delayed', verdict }, verdict.until, now);
  if (subscription.destination.kind === 'pull') return toPull(task, standing, verdict, now);
  const unit = units.judge(task.id, standing.contract, task.before, now);
  if ('verdict' in unit) {
    const step = { status: 'withheld', verdict: unit.verdict, dueAt: unit.verdict.until } as const;
    return finish(task, standing, step, now);
  }
  const { destination } = subscription;
  const parts = await prepare(deps, task, standing, subscription);
  const handed = await seat.hand({ ...parts, destination, judgedAt: now });
  if (handed !== 'late') {
    const judgement = { verdict, quotaPeriod: unit.period };
    return answered(deps, task, { subscription, contract: standing.contract, standing }, handed, judgement);
  }
  if (tries > 1) return handle(deps, task, units, seat, tries - 1);
  throw new Error('the request took too long to make for its verdict to stand');
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
  {
    standing,
    subscription,
    contract,
  }: { standing: Standing; subscription: Subscription; contract: Contract },
  { answer, bytes, at }: Exclude<Handed, 'late'>,
  judgement: Pick<Step, 'verdict' | 'quotaPeriod'>,
): Done {
  const now = deps.now();
  const count = (task.before?.attemptCount ?? 0) + 1;
  const next = afterAnswer(answer, count, deps.territory.retryWaits, now);
  const step = { ...judgement, attempt: attemptOf(answer, at, now.getTime() - at.getTime()) };
  const health = { subscription, went: { next: next.kind, count } };
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

function toPull(task: Task, standing: Standing, verdict: Verdict, now: Date): Done {
  const queue = standing.subscription?.pullQueue;
  if (!queue) throw new Error(`subscription ${task.message.subscription.id} pulls, but has no queue yet`);
  const { routed, refs } = task;
  const reference = {
    ...{ delivery: task.id, key: routed.key, sequence: routed.sequence },
    ...(refs.replay !== undefined && { replay: refs.replay }),
  };
  return { ...finish(task, standing, { status: 'available', verdict }, now), pull: { queue, reference } };
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

function finish(task: Task, { dataset }: Standing, step: Step, now: Date): Done {
  const accepted = judged(task.routed).acceptedAt.getTime();
  const expires = Math.floor(accepted / 1000) + (dataset?.retentionDays ?? 1) * 86_400;
  return {
    record: recorded(
      task.id,
      task.message.subscription.id,
      task.routed,
      task.before,
      { ...step, replay: task.refs.replay },
      now,
      expires,
    ),
  };
}
