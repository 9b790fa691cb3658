import type { Delivery } from '../../schemas/delivery.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { isToTell } from '../deliver/health.ts';
import { UNFETCHED } from '../deliver/verdict.ts';
import type { Random } from '../ids.ts';
import { parkedNotice } from '../notices.ts';
import type { Deliveries, Registry } from '../ports.ts';

/** What parking needs of the world. */
export interface ParkDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  deliveries: Pick<Deliveries, 'replace' | 'released'>;
  random: Random;
  territory: Pick<Territory, 'parkedNoticeEvery'>;
}

/** Whether a delivery that is due has waited to be fetched. */
export const isUnfetched = ({ status }: Pick<Delivery, 'status'>): boolean => status === 'available';

/**
 * Parks what a subscription has not fetched in time, so that it is never dropped by its queue unseen, and tells its
 * consumer. Whoever fetched it meanwhile wins; what is still in the queue may be fetched all the same. Answers how many.
 */
export async function parkUnfetched(
  deps: ParkDeps,
  subscription: Subscription | undefined,
  due: Delivery[],
  now: Date,
): Promise<number> {
  if (!subscription || subscription.status === 'ended') {
    await Promise.all(due.map(({ id, dueAt }) => dueAt !== undefined && deps.deliveries.released(id, dueAt)));
    return 0;
  }
  const parked: Delivery[] = [];
  for (const before of due) {
    const { dueAt: _, ...rest } = before;
    const item = { ...rest, status: 'parked' as const, clause: UNFETCHED, updatedAt: now.toISOString() };
    if (await deps.deliveries.replace(before, item)) parked.push(item);
  }
  const [first] = parked;
  if (first) await tellParked(deps, subscription.id, first, now);
  return parked.length;
}

/** How often the notice is tried while others change the same subscription. */
const TRIES = 3;

/** Tells a consumer of a delivery that was parked, unless it was told of one lately. */
export async function tellParked(
  { registry, random, territory }: Omit<ParkDeps, 'deliveries'>,
  id: string,
  { id: delivery, attemptCount: attempts, expires }: Delivery,
  now: Date,
): Promise<void> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const before = await registry.read('subscription', id);
    if (!before || !isToTell(before, territory, now)) return;
    const item = { ...before, parkedToldAt: now.toISOString(), revision: before.revision + 1 };
    const parked = { delivery, attempts, until: new Date(expires * 1000) };
    const told = parkedNotice(random)(item, parked, now);
    if (await registry.write([{ do: 'replace', noun: 'subscription', before, item }, ...told])) return;
  }
}
