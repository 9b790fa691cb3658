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
  SetAsideLetter,
  SetAsideQueue,
} from '../ports.ts';
import { routed } from '../route.ts';
import { messageOf, type RedriveDeps } from './redrive.ts';

/** The queues that hold deliveries, and what was put on ingress buses. */
const QUEUES: SetAsideQueue[] = ['delivery-dead', 'rule-dead', 'admit-dead'];
/** The most letters of one queue that one beat looks at. */
const MOST = 200;
/** Each time that the clock sends a letter on, it waits so many times longer before it does so again. */
const GROWTH = 3;

/** What the clock needs for the dead letters. */
export interface DeadLetterDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  ledger: Pick<Ledger, 'read'>;
  deliveries: Pick<Deliveries, 'read' | 'write' | 'replace'>;
  queue: DeliveryQueue;
  setAside: SetAside;
  /** Admits an entry of an ingress bus as if it came now; throws unless that was done. */
  admitAgain: RedriveDeps['admitAgain'];
  random: Random;
  territory: Pick<Territory, 'redriveAfter' | 'deadLetterRetention' | 'parkedNoticeEvery'>;
}

/** How many letters were sent on, and how many deliveries parked. */
export interface TendedLetters {
  lettersSentOn: number;
  lettersParked: number;
}

/**
 * Sends what the mesh set aside on its way again, deliveries at ever longer intervals: an outage of hours mends itself, and
 * what crashes each time does so a few times a week. A delivery that is still there before SQS would drop it is parked.
 */
export async function tendDeadLetters(deps: DeadLetterDeps, now: Date): Promise<TendedLetters> {
  const tended = { lettersSentOn: 0, lettersParked: 0 };
  const everyMs = milliseconds(deps.territory.redriveAfter);
  await atTimes(deps.registry, { id: 'dead-letters', everyMs }, now, async () => {
    for (const queue of QUEUES) await tend(deps, queue, now, tended);
  });
  return tended;
}

async function tend(
  deps: DeadLetterDeps,
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
        if (!(await isOver(deps, letter, since, now, tended))) continue;
        await deps.setAside.remove(queue, lease);
        left.delete(lease);
      }
    }
  } finally {
    // The copies of what was erased are looked for there too.
    for (const lease of left) await deps.setAside.leave(queue, lease);
  }
}

/** Whether a letter may leave its queue, by what was done about it. */
async function isOver(
  deps: DeadLetterDeps,
  letter: SetAsideLetter,
  since: Date,
  now: Date,
  tended: TendedLetters,
): Promise<boolean> {
  if (letter.kind === 'unreadable') return false;
  if (letter.kind === 'entry') return admitted(deps, letter.entry, since, now, tended);
  const message = await messageOf(deps, letter);
  return message === undefined || tendOne(deps, message, since, now, tended);
}

/** An entry is tried at each look: whoever put it there does not know yet, and its id makes a repetition harmless. */
async function admitted(
  { admitAgain, territory }: DeadLetterDeps,
  entry: Extract<SetAsideLetter, { kind: 'entry' }>['entry'],
  since: Date,
  now: Date,
  tended: TendedLetters,
): Promise<boolean> {
  if (now.getTime() - since.getTime() < milliseconds(territory.redriveAfter)) return false;
  try {
    await admitAgain(entry);
  } catch {
    // It stays, under its alarm; the log of `admit` says why.
    return false;
  }
  tended.lettersSentOn += 1;
  return true;
}

/** Sends a message on or parks its delivery, as long as it has lain there; answers whether it may leave its queue. */
async function tendOne(
  deps: DeadLetterDeps,
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
async function park(deps: DeadLetterDeps, message: DeliveryMessage, now: Date): Promise<boolean> {
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
