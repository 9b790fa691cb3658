import type { Delivery } from '../../schemas/delivery.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Territory } from '../../schemas/territory.ts';
import { atTimes } from '../clock/round.ts';
import { tellParked } from '../clock/unfetched.ts';
import { recorded } from '../deliver/record.ts';
import { deliveryOf, overtaken } from '../deliver/tasks.ts';
import { FAILED } from '../deliver/verdict.ts';
import type { Random } from '../ids.ts';
import type {
  Deliveries,
  DeliveryMessage,
  DeliveryQueue,
  Ledger,
  Registry,
  SetAside,
  SetAsideQueue,
} from '../ports.ts';
import { routed } from '../route.ts';
import { messageOf } from './redrive.ts';

/** The queues that hold deliveries. */
const WITH_DELIVERIES: SetAsideQueue[] = ['delivery-dead', 'rule-dead'];
/** The most letters of one queue that one beat looks at. */
const MOST = 200;
/** Each time that the clock sends a letter on, it waits so many times longer before it does so again. */
const GROWTH = 3;

/** What the clock needs for the dead letters. */
export interface DeadDeliveryDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  ledger: Pick<Ledger, 'read'>;
  deliveries: Pick<Deliveries, 'read' | 'write' | 'replace'>;
  queue: DeliveryQueue;
  setAside: SetAside;
  random: Random;
  territory: Pick<Territory, 'redriveAfter' | 'deadLetterRetention' | 'parkedNoticeEvery'>;
}

/** How many letters were sent on, and how many deliveries parked. */
export interface TendedLetters {
  lettersSentOn: number;
  lettersParked: number;
}

/**
 * Sends deliveries that the mesh set aside on their way again, at ever longer intervals: an outage of hours mends itself,
 * and what crashes each time does so a few times a week. What is still there before SQS would drop it is parked.
 */
export async function tendDeadDeliveries(deps: DeadDeliveryDeps, now: Date): Promise<TendedLetters> {
  const tended = { lettersSentOn: 0, lettersParked: 0 };
  const everyMs = milliseconds(deps.territory.redriveAfter);
  await atTimes(deps.registry, { id: 'dead-deliveries', everyMs }, now, async () => {
    for (const queue of WITH_DELIVERIES) await tend(deps, queue, now, tended);
  });
  return tended;
}

async function tend(
  deps: DeadDeliveryDeps,
  queue: SetAsideQueue,
  now: Date,
  tended: TendedLetters,
): Promise<void> {
  const left = new Set<string>();
  try {
    for (let seen = 0; seen < MOST;) {
      const letters = await deps.setAside.take(queue);
      if (letters.length === 0) break;
      seen += letters.length;
      // Left, unless it is known to be over: whatever breaks, others see it at once.
      for (const { lease } of letters) left.add(lease);
      for (const { lease, letter, since } of letters) {
        if (letter.kind === 'entry' || letter.kind === 'unreadable') continue;
        const message = await messageOf(deps, letter);
        const done = message === undefined || (await tendOne(deps, message, since, now, tended));
        if (!done) continue;
        await deps.setAside.remove(queue, lease);
        left.delete(lease);
      }
    }
  } finally {
    // The copies of what was erased are looked for there too.
    for (const lease of left) await deps.setAside.leave(queue, lease);
  }
}

/** Sends a message on or parks its delivery, as long as it has lain there; answers whether it may leave its queue. */
async function tendOne(
  deps: DeadDeliveryDeps,
  message: DeliveryMessage,
  since: Date,
  now: Date,
  tended: TendedLetters,
): Promise<boolean> {
  const { redriven = 0 } = message;
  const { redriveAfter, deadLetterRetention } = deps.territory;
  const age = now.getTime() - since.getTime();
  if (age >= milliseconds(deadLetterRetention)) {
    if (await park(deps, message, now)) tended.lettersParked += 1;
    return true;
  }
  if (age < milliseconds(redriveAfter) * GROWTH ** redriven) return false;
  await deps.queue.send([{ message: { ...message, redriven: redriven + 1 }, delaySeconds: 0 }]);
  tended.lettersSentOn += 1;
  return true;
}

/** Parks what a message is of, unless that is decided or goes on by itself; answers whether it was parked. */
async function park(deps: DeadDeliveryDeps, message: DeliveryMessage, now: Date): Promise<boolean> {
  const id = deliveryOf(message);
  const [[before], [entry]] = await Promise.all([
    deps.deliveries.read([id]),
    deps.ledger.read([message.event.key], now),
  ]);
  if (!entry || overtaken(message, before) || before?.dueAt !== undefined) return false;
  const verdict = { kind: 'withhold', clause: FAILED } as const;
  const step = { status: 'parked', verdict, replay: before?.replay ?? message.replay } as const;
  const { expires } = before ?? entry;
  const item: Delivery = recorded(id, message.subscription.id, routed(entry), before, step, now, expires);
  if (before === undefined) await deps.deliveries.write([item]);
  else if (!(await deps.deliveries.replace(before, item))) return false;
  await tellParked(deps, message.subscription.id, item, now);
  return true;
}
