import type { Delivery } from '../../schemas/delivery.ts';
import type { Destination, Subscription } from '../../schemas/subscription.ts';
import type {
  Clock,
  Deliveries,
  DeliveryMessage,
  DeliveryQueue,
  PullQueues,
  PullReference,
} from '../ports.ts';
import { type Handed, talliesOf } from '../usage/tally.ts';
import type { NoteHealth } from './health.ts';

/** Whether deliveries wait in a queue of the subscription's own, by reference: for its consumer, or for the clock. */
export const isFetched = (destination: Destination): destination is Destination & { kind: 'pull' | 's3' } =>
  destination.kind === 'pull' || destination.kind === 's3';

/** What a task leads to: a record, and what follows from it. */
export interface Done {
  record: Delivery;
  /** Goes back to the queue. */
  again?: { message: DeliveryMessage; delaySeconds: number };
  /** Goes to the subscription's own queue. */
  pull?: { queue: string; reference: PullReference };
  /** Counts in its contract's usage. */
  handed?: Handed;
  /** How an attempt went, which may change the status of its subscription. */
  health?: { subscription: Subscription; went: Parameters<NoteHealth>[1] };
}

/**
 * Fills the pull queues, before anything is recorded: a record that says `available` with nothing in the queue would be
 * a loss. A queue that takes nothing fails its own messages, and nobody else's.
 */
export async function queueReferences(
  { pullQueues }: { pullQueues: Pick<PullQueues, 'send'> },
  done: Map<number, Done>,
  failed: Map<number, unknown>,
): Promise<void> {
  const pulls = [...done].flatMap(([index, { pull }]) => (pull ? [{ index, ...pull }] : []));
  const byQueue = [...Map.groupBy(pulls, ({ queue }) => queue)];
  const sent = await Promise.allSettled(
    byQueue.map(([queue, items]) =>
      pullQueues.send(
        queue,
        items.map(({ reference }) => reference),
      ),
    ),
  );
  for (const [position, result] of sent.entries()) {
    if (result.status === 'fulfilled') continue;
    for (const { index } of byQueue[position]?.[1] ?? []) {
      done.delete(index);
      failed.set(index, result.reason);
    }
  }
}

interface KeepDeps {
  deliveries: Pick<Deliveries, 'write'>;
  queue: DeliveryQueue;
  noteHealth: NoteHealth;
  now: Clock;
}

/**
 * Keeps what was done: records before their wake-ups, so that none wakes what is not recorded. Answers why a
 * subscription's status could not be kept: what was sent and recorded is not done again for that.
 */
export async function keep(deps: KeepDeps, done: Done[]): Promise<unknown> {
  const tallies = talliesOf(
    done.flatMap(({ handed }) => handed ?? []),
    deps.now(),
  );
  const records = done.map(({ record }) => record);
  if (records.length > 0) await deps.deliveries.write(records, tallies);
  const again = done.flatMap((one) => one.again ?? []);
  if (again.length > 0) await deps.queue.send(again);
  const now = deps.now();
  let unnoted: unknown;
  for (const { health } of done) {
    if (!health) continue;
    await deps
      .noteHealth(health.subscription, health.went, now)
      .catch((error: unknown) => (unnoted ??= error));
  }
  return unnoted;
}
