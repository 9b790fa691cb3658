import { seconds } from '../../schemas/duration.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { Change, Registry } from '../ports.ts';
import type { Next } from './retry.ts';

/** Makes the notice of a change of status; part of the same transaction. */
export type StateNotice = (subscription: Subscription, now: Date) => Change[];

/**
 * The subscription after an attempt, where that changes it: a 410 ends it; one that parks makes it `failing`, and for
 * longer than `disableAfter`, `disabled`; one that arrives makes it well again. Undefined when nothing changes.
 */
export function afterAttempt(
  subscription: Subscription,
  next: Next['kind'],
  disableAfter: string,
  now: Date,
): Subscription | undefined {
  const { failingSince, ...rest } = subscription;
  const revised = { ...rest, revision: subscription.revision + 1 };
  const live = ['starting', 'active', 'failing'].includes(subscription.status);
  if (!live) return undefined;
  if (next === 'gone') return { ...revised, status: 'ended' };
  if (next === 'delivered') {
    return failingSince === undefined
      ? undefined
      : { ...revised, status: subscription.rule.settled ? 'active' : 'starting' };
  }
  if (next === 'retry') return undefined;
  if (failingSince === undefined) return { ...revised, status: 'failing', failingSince: now.toISOString() };
  const tired = now.getTime() - Date.parse(failingSince) >= seconds(disableAfter) * 1000;
  return tired ? { ...revised, failingSince, status: 'disabled' } : undefined;
}

/** Told how an attempt went: the subscription as the verdict read it, and the attempt's number, from 1. */
export type NoteHealth = (
  subscription: Subscription,
  went: { next: Next['kind']; count: number },
  now: Date,
) => Promise<void>;

/**
 * Writes what {@link afterAttempt} says, with its notice; whoever changed the subscription meanwhile wins. First
 * attempts go by what the verdict read, so that what arrives at once costs no read; later ones may have made the
 * subscription failing themselves after that was read, and go by a fresh read.
 */
export function healthNoter(
  registry: Pick<Registry, 'write' | 'read'>,
  territory: Pick<Territory, 'disableAfter'>,
  notice: StateNotice,
): NoteHealth {
  return async (seen, { next, count }, now) => {
    if (next === 'retry') return;
    if (count === 1 && !afterAttempt(seen, next, territory.disableAfter, now)) return;
    const before = await registry.read('subscription', seen.id);
    const item = before && afterAttempt(before, next, territory.disableAfter, now);
    if (!before || !item) return;
    await registry.write([{ do: 'replace', noun: 'subscription', before, item }, ...notice(item, now)]);
  };
}
