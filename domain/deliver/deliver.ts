import type { Delivery } from '../../schemas/delivery.ts';
import { seconds } from '../../schemas/duration.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { matches } from '../pattern/match.ts';
import type {
  Clock,
  Deliveries,
  DeliveryMessage,
  DeliveryQueue,
  Ledger,
  PullQueues,
  PullReference,
  RoutedEvent,
  Sealer,
  Sender,
} from '../ports.ts';
import { routed } from '../route.ts';
import { deliveryId } from './identity.ts';
import { minimise } from './minimise.ts';
import { attemptOf, recorded, type Step } from './record.ts';
import { afterAnswer, MAX_DELAY_SECONDS, type Next } from './retry.ts';
import type { StandingReader } from './standing.ts';
import { type Standing, type Verdict, verdictOn } from './verdict.ts';
import { judged, stated, webhookRequest } from './wire.ts';

/** What delivering needs of the world. */
export interface DeliverDeps {
  standings: StandingReader;
  ledger: Pick<Ledger, 'read'>;
  deliveries: Pick<Deliveries, 'read' | 'write'>;
  queue: DeliveryQueue;
  pullQueues: Pick<PullQueues, 'send'>;
  send: Sender;
  sealer: Pick<Sealer, 'unseal' | 'derive'>;
  /** Told how an attempt on a subscription went, when that may change its status. */
  noteHealth: (subscription: Subscription, next: Next['kind'], now: Date) => Promise<void>;
  now: Clock;
  territory: Pick<Territory, 'retryWaits' | 'webhookTimeout'>;
}

/** What became of the messages of one batch. */
export interface DeliverReport {
  /** Indices of messages that must come again: something could not be read or written. */
  failed: number[];
  /** Why the first of them failed. */
  error?: unknown;
  /** The records written. */
  records: Delivery[];
  /** Messages that another one had overtaken, or that no rule stands for any more. */
  dropped: number;
}

/** One message with all that is known of its delivery before it is judged. */
interface Task {
  id: string;
  message: DeliveryMessage;
  routed: RoutedEvent;
  before: Delivery | undefined;
}

/** What a task leads to: a record, and what follows from it. */
interface Done {
  record: Delivery;
  /** Goes back to the queue. */
  again?: { message: DeliveryMessage; delaySeconds: number };
  /** Goes to a pull queue. */
  pull?: { queue: string; reference: PullReference };
  /** How an attempt went, which may change the status of its subscription. */
  health?: { subscription: Subscription; next: Next['kind'] };
}

/**
 * Takes messages of the delivery queue: asks the verdict just before each send, minimises, signs, sends and records.
 * Each message stands for itself; what fails is named, to be received again.
 */
export async function deliver(deps: DeliverDeps, messages: DeliveryMessage[]): Promise<DeliverReport> {
  const tasks = await tasksOf(deps, messages);
  await deps.standings.prefetch(messages.map(({ subscription }) => subscription)).catch(() => undefined);
  const settled = await Promise.allSettled(tasks.map((task) => (task ? handle(deps, task) : undefined)));
  const failed: number[] = [];
  const done: Done[] = [];
  let error: unknown;
  for (const [index, result] of settled.entries()) {
    if (result.status === 'rejected') {
      failed.push(index);
      error ??= result.reason;
    } else if (result.value) done.push(result.value);
  }
  await keep(deps, done);
  return {
    failed,
    ...(error !== undefined && { error }),
    records: done.map(({ record }) => record),
    dropped: settled.length - failed.length - done.length,
  };
}

/** Reads the records and the events that are only referred to: one call each. Undefined where nothing is to be done. */
async function tasksOf(deps: DeliverDeps, messages: DeliveryMessage[]): Promise<(Task | undefined)[]> {
  const ids = messages.map(
    ({ again, event, subscription }) => again?.delivery ?? deliveryId(event.sequence, subscription.id),
  );
  const unique = [...new Set(ids)];
  const records = await deps.deliveries.read(unique);
  const recordOf = new Map(unique.map((id, index) => [id, records[index]]));
  const referred = [...new Set(messages.flatMap(({ event }) => ('event' in event ? [] : [event.key])))];
  const entries = referred.length === 0 ? [] : await deps.ledger.read(referred, deps.now());
  const eventOf = new Map(referred.map((key, index) => [key, entries[index]]));
  const seen = new Set<string>();
  return messages.map((message, index) => {
    const id = ids[index] as string; // one id for each message
    const before = recordOf.get(id);
    if (seen.has(id) || overtaken(message, before)) return undefined;
    seen.add(id);
    const entry = 'event' in message.event ? undefined : eventOf.get(message.event.key);
    const event = 'event' in message.event ? message.event : entry && routed(entry);
    return event && { id, message, routed: event, before };
  });
}

/** Whether a message has nothing left to do: its delivery is decided, or went on without it. */
function overtaken({ again }: DeliveryMessage, before: Delivery | undefined): boolean {
  if (!before) return false;
  if (again)
    return (
      again.attempts !== before.attemptCount || before.status === 'delivered' || before.status === 'gone'
    );
  return before.status !== 'retrying' && before.status !== 'delayed';
}

async function handle(deps: DeliverDeps, task: Task): Promise<Done | undefined> {
  const standing = await deps.standings.read(task.message.subscription);
  const { subscription } = standing;
  // While a changed filter settles, the rule of the old one still matches: the new one decides.
  if (subscription?.rule.replaces && subscription.filter && !matches(subscription.filter, task.routed.event))
    return undefined;
  const now = deps.now();
  const verdict = verdictOn(standing, judged(task.routed), now);
  if (verdict.kind === 'withhold' || !subscription)
    return finish(task, standing, { status: 'withheld', verdict }, now);
  if (verdict.kind === 'delay')
    return later(task, standing, { status: 'delayed', verdict }, verdict.until, now);
  if (subscription.destination.kind === 'pull') return toPull(task, standing, verdict, now);
  return attempt(deps, task, standing, subscription, subscription.destination, verdict);
}

async function attempt(
  deps: DeliverDeps,
  task: Task,
  standing: Standing,
  subscription: Subscription,
  destination: Subscription['destination'] & { kind: 'webhook' },
  verdict: Verdict,
): Promise<Done> {
  const event = await minimised(deps, task.routed, standing);
  const at = deps.now();
  const live = subscription.secrets.filter(
    ({ until }) => until === undefined || Date.parse(until) > at.getTime(),
  );
  const secrets = await Promise.all(live.map(({ sealed }) => deps.sealer.unseal(sealed)));
  const timeoutMs = seconds(deps.territory.webhookTimeout) * 1000;
  const answer = await deps.send(webhookRequest(destination, event, task.id, secrets, at, timeoutMs));
  const now = deps.now();
  const count = (task.before?.attemptCount ?? 0) + 1;
  const next = afterAnswer(answer, count, deps.territory.retryWaits, now);
  const step = { verdict, attempt: attemptOf(answer, at, now.getTime() - at.getTime()) };
  const health = { subscription, next: next.kind };
  if (next.kind === 'retry') {
    const due = new Date(now.getTime() + next.afterSeconds * 1000);
    return { ...later(task, standing, { ...step, status: 'retrying' }, due, now), health };
  }
  return { ...finish(task, standing, { ...step, status: next.kind }, now), health };
}

/** The event as this contract lets its consumer see it. */
export async function minimised(
  deps: Pick<DeliverDeps, 'sealer'>,
  event: RoutedEvent,
  { contract }: Standing,
) {
  const clauses = contract?.terms.minimisation ?? [];
  const pseudonymises = contract && clauses.some((clause) => clause.do === 'pseudonymise');
  const scope = pseudonymises && {
    key: await deps.sealer.derive('pseudonyms'),
    contract: contract.id,
    acceptedAt: judged(event).acceptedAt,
  };
  return stated(event, minimise(event.event, clauses, scope || undefined));
}

function toPull(task: Task, standing: Standing, verdict: Verdict, now: Date): Done {
  const queue = standing.subscription?.pullQueue;
  if (!queue) throw new Error(`subscription ${task.message.subscription.id} pulls, but has no queue yet`);
  const reference = { delivery: task.id, key: task.routed.key, sequence: task.routed.sequence };
  return { ...finish(task, standing, { status: 'available', verdict }, now), pull: { queue, reference } };
}

/** Waits up to 15 minutes go back to the queue; longer ones are due items, released by the clock. */
function later(task: Task, standing: Standing, step: Step, due: Date, now: Date): Done {
  const wait = Math.max(0, Math.ceil((due.getTime() - now.getTime()) / 1000));
  if (wait > MAX_DELAY_SECONDS) return finish(task, standing, { ...step, dueAt: due }, now);
  const done = finish(task, standing, step, now);
  const { key, sequence } = task.routed;
  const again = { delivery: task.id, attempts: done.record.attemptCount };
  const message = { subscription: task.message.subscription, event: { key, sequence }, again };
  return { ...done, again: { message, delaySeconds: wait } };
}

function finish(task: Task, { dataset }: Standing, step: Step, now: Date): Done {
  const accepted = judged(task.routed).acceptedAt.getTime();
  const expires = Math.floor(accepted / 1000) + (dataset?.retentionDays ?? 1) * 86_400;
  return {
    record: recorded(task.id, task.message.subscription.id, task.routed, task.before, step, now, expires),
  };
}

/**
 * Keeps what was done. Pull queues first: a record that says `available` with nothing in the queue would be a loss.
 * Records before their wake-ups: a message that comes again because there is no wake-up finds `retrying` and goes on.
 */
async function keep(deps: DeliverDeps, done: Done[]): Promise<void> {
  const byQueue = Map.groupBy(
    done.flatMap(({ pull }) => pull ?? []),
    ({ queue }) => queue,
  );
  await Promise.all(
    [...byQueue].map(([queue, items]) =>
      deps.pullQueues.send(
        queue,
        items.map(({ reference }) => reference),
      ),
    ),
  );
  if (done.length > 0) await deps.deliveries.write(done.map(({ record }) => record));
  const again = done.flatMap((one) => one.again ?? []);
  if (again.length > 0) await deps.queue.send(again);
  const now = deps.now();
  for (const { health } of done) if (health) await deps.noteHealth(health.subscription, health.next, now);
}
