import { milliseconds } from '../../schemas/duration.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { UNVERIFIED } from '../deliver/verdict.ts';
import { matches } from '../pattern/match.ts';
import type { Deliveries, DeliveryQueue, Ledger, Registry, RoutedEvent, Rules } from '../ports.ts';
import { routed } from '../route.ts';
import { eachApart } from './apart.ts';
import { refsOf, wakeUp } from './release.ts';
import { everyItem } from '../control.ts';

/** How much further back than the rule's making is routed again: clocks differ between functions. */
const CLOCK_SKEW_MS = 5000;

/** What settling needs of the world. */
export interface SettleDeps {
  registry: Pick<Registry, 'list' | 'read' | 'write'>;
  ledger: Pick<Ledger, 'history' | 'read'>;
  deliveries: Pick<Deliveries, 'list'>;
  queue: DeliveryQueue;
  rules: Pick<Rules, 'list' | 'remove'>;
  territory: Pick<Territory, 'ruleSettling' | 'verdictFreshness'>;
}

/**
 * Settles the subscriptions whose rule has had its time: everything since the rule was put is routed to them again
 * (derived delivery ids make that harmless), then `starting` becomes `active` and the rule that was replaced goes.
 */
export async function settleSubscriptions(
  deps: SettleDeps,
  now: Date,
): Promise<{ settled: number; backfilled: number }> {
  let settled = 0;
  let backfilled = 0;
  let present: Set<string> | undefined;
  const tended = everyItem((page) => deps.registry.list('subscriptionsToTend', {}, page));
  await eachApart(tended, async (subscription) => {
    const { putAt, bus, name, settled: already } = subscription.rule;
    if (already || Date.parse(putAt) > now.getTime() - settlingMs(deps.territory, subscription)) return;
    present ??= new Set((await deps.rules.list()).map((rule) => `${rule.bus}/${rule.name}`));
    // Never put, or lost: it has yet to be put before it can settle.
    if (!present.has(`${bus}/${name}`)) return;
    backfilled += await backfill(deps, subscription, now);
    if (subscription.ownership?.owing) backfilled += await releaseOwed(deps, subscription);
    if (await markSettled(deps, subscription)) settled += 1;
  });
  return { settled, backfilled };
}

/**
 * How long a rule is given. What is owed is looked for only when nobody can withhold it any more: who remembers that the
 * receiver is unverified does so for a verdict's freshness, and its record takes as long again, and a second, to be listed.
 */
function settlingMs({ ruleSettling, verdictFreshness }: SettleDeps['territory'], of: Subscription): number {
  const given = milliseconds(ruleSettling);
  return of.ownership?.owing ? Math.max(given, 2 * milliseconds(verdictFreshness) + 1000) : given;
}

/** Sends what the subscription matches of the ledger since its rule was put; answers how many. */
async function backfill(deps: SettleDeps, subscription: Subscription, now: Date): Promise<number> {
  const { since: missing, putAt } = subscription.rule;
  const from = new Date(Date.parse(missing ?? putAt) - CLOCK_SKEW_MS);
  const since = new Date(Math.max(from.getTime(), Date.parse(subscription.createdAt)));
  let count = 0;
  for await (const page of deps.ledger.history(
    subscription.dataset,
    since,
    new Date(now.getTime() + CLOCK_SKEW_MS),
  )) {
    const entries = await deps.ledger.read(
      page.map(({ key }) => key),
      now,
    );
    const wanted = entries.flatMap((entry) => (entry && wants(subscription, routed(entry)) ? [entry] : []));
    await deps.queue.send(
      wanted.map(({ key, sequence }) => ({
        message: { subscription: refsOf(subscription), event: { key, sequence } },
        delaySeconds: 0,
      })),
    );
    count += wanted.length;
  }
  return count;
}

/** Sends what was withheld until its receiver had shown that it wants events; answers how many. */
async function releaseOwed(deps: SettleDeps, subscription: Subscription): Promise<number> {
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await deps.deliveries.list(
      subscription.id,
      { status: 'withheld' },
      { limit: 200, ...(cursor !== undefined && { cursor }) },
    );
    const owed = page.items.filter(({ clause }) => clause === UNVERIFIED);
    await deps.queue.send(
      owed.map((delivery) => ({ message: wakeUp(delivery, subscription), delaySeconds: 0 })),
    );
    count += owed.length;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return count;
}

/** Whether a subscription's types and filter match an event, as its rule would: large data passes, and is looked into later. */
export function wants(
  { types, filter }: Pick<Subscription, 'types' | 'filter'>,
  { event, payload }: Pick<RoutedEvent, 'event' | 'payload'>,
): boolean {
  if (types !== undefined && !types.includes(event.type)) return false;
  return filter === undefined || payload !== undefined || matches(filter, event);
}

async function markSettled(deps: SettleDeps, seen: Subscription): Promise<boolean> {
  const before = await deps.registry.read('subscription', seen.id);
  if (!before || before.rule.settled || before.rule.putAt !== seen.rule.putAt) return false;
  const { replaces, since: _, ...rule } = before.rule;
  if (replaces !== undefined) await deps.rules.remove(rule.bus, replaces);
  const status = before.status === 'starting' ? 'active' : before.status;
  const { owing: __, ...ownership } = before.ownership ?? {};
  const item: Subscription = {
    ...before,
    status,
    // Safe: all of it but one member that may be absent.
    ...(before.ownership && { ownership: ownership as typeof before.ownership }),
    rule: { ...rule, settled: true },
    revision: before.revision + 1,
  };
  return deps.registry.write([{ do: 'replace', noun: 'subscription', before, item }]);
}
