import type { Contract } from '../../schemas/contract.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { Clock } from '../ports.ts';
import { dayOf } from '../usage/period.ts';
import type { Done } from './keep.ts';
import { attemptOf, recorded, type Step } from './record.ts';
import { afterAnswer, askedSeconds, type Chance, MAX_DELAY_SECONDS, prolonged } from './retry.ts';
import type { Task } from './tasks.ts';
import type { Handed, Ready } from './together.ts';
import { DISABLED, type Standing, type Verdict } from './verdict.ts';
import { judged } from './wire.ts';

/** What outcomes depend on besides what happened. */
export interface OutcomeDeps {
  territory: Pick<Territory, 'retryWaits' | 'pullRetention'>;
  chance: Chance;
}

/** A wake-up that has not come so long after its time is taken to be lost: the clock then sends another. */
const LOST_AFTER_MS = 120_000;
/** How long a message waits on the queue where its destination has as many at once as it wants. */
const CROWDED_SECONDS = 5;

/** Between whom a delivery goes, and where. */
export interface Parties {
  standing: Standing;
  subscription: Subscription;
  contract: Contract;
  destination: Ready['destination'];
}

/** Why a delivery waits: for its endpoint, for a moment, or until then. */
export type Held = 'wait' | 'soon' | 'crowded' | Date;

/** What an attempt leads to: delivered, tried again, parked or the end of its subscription. */
export function answered(
  { territory, chance, now: clock }: OutcomeDeps & { now: Clock },
  task: Task,
  { standing, subscription, contract }: Parties,
  { answer, bytes, at }: Exclude<Handed, 'late'>,
  { probe, ...judgement }: Pick<Step, 'verdict' | 'quotaPeriod'> & { probe: boolean },
): Done {
  const now = clock();
  const count = (task.before?.attemptCount ?? 0) + 1;
  const kept = keptUntil(task, standing);
  const keptSeconds = kept - now.getTime() / 1000;
  const plan = { waits: territory.retryWaits, chance, keptSeconds };
  const next = afterAnswer(answer, count, plan, now);
  const step = { ...judgement, attempt: attemptOf(answer, at, now.getTime() - at.getTime()) };
  const askedMs = askedSeconds(answer, now) * 1000;
  const until = new Date(kept * 1000);
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

/** What its verdict withholds; parked where that is since its subscription has failed for too long. */
export function withheld(task: Task, standing: Standing, verdict: Verdict, now: Date): Done {
  const { subscription } = standing;
  if (!subscription || verdict.clause !== DISABLED)
    return finish(task, standing, { status: 'withheld', verdict }, now);
  const until = new Date(keptUntil(task, standing) * 1000);
  const parked = { delivery: task.id, attempts: task.before?.attemptCount ?? 0, until };
  const went = { next: 'parked', count: 0, unattempted: true, parked } as const;
  return { ...finish(task, standing, { status: 'parked', verdict }, now), health: { subscription, went } };
}

/** What is not attempted: it waits until its endpoint is well, or comes again in its minute, or in a moment. */
export function heldBack(
  { chance }: Pick<OutcomeDeps, 'chance'>,
  task: Task,
  standing: Standing,
  gate: Held,
  now: Date,
): Done {
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

/** What nobody fetches in time is due then: the clock parks it. */
export function toPull(
  { territory }: Pick<OutcomeDeps, 'territory'>,
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
export function later(task: Task, standing: Standing, step: Step, due: Date, now: Date): Done {
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

/** What is decided, and has nothing to follow it. */
export function finish(task: Task, standing: Standing, step: Step, now: Date): Done {
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
