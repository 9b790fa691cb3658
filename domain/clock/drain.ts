import { seconds } from '../../schemas/duration.ts';
import type { Circuit, Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { allItems } from '../control.ts';
import { mayProbe } from '../deliver/circuit.ts';
import { WRITTEN_BY_MS } from '../deliver/record.ts';
import { contractClause } from '../deliver/verdict.ts';
import type { Deliveries, DeliveryQueue, Registry } from '../ports.ts';
import { eachApart, inTurn } from './apart.ts';
import { wakeUp } from './release.ts';

/** What letting through what waits needs of the world. */
export interface DrainDeps {
  registry: Pick<Registry, 'list' | 'read' | 'write'>;
  deliveries: Pick<Deliveries, 'waiting' | 'released'>;
  queue: DeliveryQueue;
  territory: Pick<Territory, 'drainOver'>;
}

/** The first portion, for each request that the destination wants at once; each later one is twice the one before. */
const FIRST_PORTION = 6;
/** The most that one beat of the clock lets through to one endpoint. */
const MOST = 3000;
const AT_ONCE = 100;

/**
 * Lets through what waits for endpoints that were spared: one at a time while the circuit is open, as its probe; in
 * growing portions, spread evenly, once a probe has arrived; and all of it where nothing may be delivered any more, for
 * the verdict to say so. A circuit is only forgotten once nothing can wait any more. The consumers come by turns, and
 * nobody once `goesOn` says no. Answers how many went.
 */
export async function drainWaiting(
  deps: DrainDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<number> {
  let count = 0;
  const tended = await allItems((page) => deps.registry.list('subscriptionsToTend', {}, page));
  const spared = tended.filter(({ circuit }) => circuit !== undefined);
  await eachApart(
    inTurn(spared, ({ consumer }) => consumer, now),
    async ({ id }) => {
      // The list may be seconds behind.
      const subscription = await deps.registry.read('subscription', id);
      if (subscription?.circuit) count += await drain(deps, subscription, subscription.circuit, now);
    },
    goesOn,
  );
  return count;
}

async function drain(
  deps: DrainDeps,
  subscription: Subscription,
  circuit: Circuit,
  now: Date,
): Promise<number> {
  const delivers = await isDelivered(deps.registry, subscription, now);
  if (delivers && circuit.state === 'open')
    return mayProbe(subscription, now) ? letThrough(deps, subscription, 1, 0) : 0;
  const first = FIRST_PORTION * subscription.destination.concurrency;
  const portion = delivers ? Math.min(MOST, Math.max(first, circuit.portion * 2)) : MOST;
  const overSeconds = delivers ? Math.floor(seconds(deps.territory.drainOver)) : 0;
  const went = await letThrough(deps, subscription, portion, overSeconds);
  const next = afterPortion(circuit, went, portion, now);
  if (next === circuit) return went;
  const { circuit: _, ...rest } = subscription;
  const item = { ...rest, ...(next && { circuit: next }), revision: subscription.revision + 1 };
  // Somebody else's change stands; the next beat goes on from there.
  await deps.registry.write([{ do: 'replace', noun: 'subscription', before: subscription, item }]);
  return went;
}

/** Whether anything may be sent at all; what may not is let through at once, for its verdict to say why. */
async function isDelivered(
  registry: DrainDeps['registry'],
  { status, contract, provider, consumer }: Subscription,
  now: Date,
): Promise<boolean> {
  if (!['starting', 'active', 'failing'].includes(status)) return false;
  const [agreed, from, to] = await Promise.all([
    registry.read('contract', contract),
    registry.read('participant', provider),
    registry.read('participant', consumer),
  ]);
  return contractClause({ contract: agreed, provider: from, consumer: to }, now) === undefined;
}

/** The circuit after a portion; undefined once it can be forgotten. */
function afterPortion(circuit: Circuit, went: number, portion: number, now: Date): Circuit | undefined {
  if (went > 0) return { ...circuit, state: 'draining', portion };
  if (circuit.state !== 'drained') return { ...circuit, state: 'drained', since: now.toISOString() };
  return now.getTime() - Date.parse(circuit.since) >= WRITTEN_BY_MS ? undefined : circuit;
}

/** Sends the oldest of those that wait, spread over so many seconds, and only then takes their due date away. */
async function letThrough(
  { deliveries, queue }: DrainDeps,
  subscription: Subscription,
  most: number,
  overSeconds: number,
): Promise<number> {
  const some = await deliveries.waiting(subscription.id, most);
  for (let start = 0; start < some.length; start += AT_ONCE) {
    const portion = some.slice(start, start + AT_ONCE);
    await queue.send(
      portion.map((delivery, index) => ({
        message: wakeUp(delivery, subscription),
        delaySeconds: Math.floor(((start + index) * overSeconds) / some.length),
      })),
    );
    await Promise.all(portion.map(({ id, dueAt }) => dueAt !== undefined && deliveries.released(id, dueAt)));
  }
  return some.length;
}
