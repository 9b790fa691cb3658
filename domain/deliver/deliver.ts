import type { Delivery } from '../../schemas/delivery.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { Deliveries, DeliveryMessage, DeliveryQueue, Passages, PullQueues, Quotas } from '../ports.ts';
import { type Door, openDoor } from './door.ts';
import { handle, type HandleDeps } from './handle.ts';
import type { NoteHealth } from './health.ts';
import { type Done, isFetched, keep, queueReferences } from './keep.ts';
import { type Asking, takeUnits, type Units } from './quota.ts';
import { type Task, tasksOf } from './tasks.ts';
import { type Seat, seats } from './together.ts';
import { turns } from './turns.ts';
import { verdictOn } from './verdict.ts';
import { judged } from './wire.ts';

/** What delivering needs of the world. */
export interface DeliverDeps extends HandleDeps {
  deliveries: Pick<Deliveries, 'read' | 'write'>;
  queue: DeliveryQueue;
  pullQueues: Pick<PullQueues, 'send'>;
  quotas: Pick<Quotas, 'take' | 'giveBack'>;
  noteHealth: NoteHealth;
  /** What is counted over all functions, of those receivers that ask for it. */
  passages: Passages;
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
