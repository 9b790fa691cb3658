import { decodeTime } from 'ulid';
import { milliseconds } from '../../schemas/duration.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { coversType, UNVERIFIED } from '../deliver/verdict.ts';
import { matches } from '../pattern/match.ts';
import type { Deliveries, DeliveryQueue, Ledger, Registry, RoutedEvent, Rules } from '../ports.ts';
import { routed } from '../route.ts';
import { eachApart, inTurn } from './apart.ts';
import { refsOf, wakeUp } from './release.ts';
import { allItems } from '../control.ts';

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
 * (derived delivery ids make that harmless), then `starting` becomes `active` and the rule that was replaced goes. The
 * consumers come by turns. That may be more than one beat of the clock can route: once `goesOn` says no, the next beat goes
 * on from where this one came to.
 */
export async function settleSubscriptions(
  deps: SettleDeps,
  now: Date,
  goesOn: () => boolean = () => true,
): Promise<{ settled: number; backfilled: number }> {
  let settled = 0;
  let backfilled = 0;
  const tended = await allItems((page) => deps.registry.list('subscriptionsToTend', {}, page));
  const due = tended.filter((subscription) => hasHadItsTime(deps.territory, subscription, now));
  if (due.length === 0) return { settled, backfilled };
  const present = new Set((await deps.rules.list()).map(({ bus, name }) => `${bus}/${name}`));
  await eachApart(
    inTurn(due, ({ consumer }) => consumer, now),
    async (subscription) => {
      // Never put, or lost: it has yet to be put before it can settle.
      if (!present.has(`${subscription.rule.bus}/${subscription.rule.name}`)) return;
      const missed = await backfill(deps, subscription, now, goesOn);
      backfilled += missed.count;
      if (missed.upTo) return keepPlace(deps, subscription, missed.upTo);
      const owed = await releaseOwed(deps, subscription, goesOn);
      backfilled += owed.count;
      if (!owed.whole) return keepPlace(deps, subscription, now);
      if (await markSettled(deps, subscription)) settled += 1;
    },
    goesOn,
  );
  return { settled, backfilled };
}

function hasHadItsTime(territory: SettleDeps['territory'], subscription: Subscription, now: Date): boolean {
  const { settled, putAt } = subscription.rule;
  return !settled && Date.parse(putAt) <= now.getTime() - settlingMs(territory, subscription);
}

/**
 * How long a rule is given. What is owed is looked for only when nobody can withhold it any more: who remembers that the
 * receiver is unverified does so for a verdict's freshness, and its record takes as long again, and a second, to be listed.
 */
function settlingMs({ ruleSettling, verdictFreshness }: SettleDeps['territory'], of: Subscription): number {
  const given = milliseconds(ruleSettling);
  return of.ownership?.owing ? Math.max(given, 2 * milliseconds(verdictFreshness) + 1000) : given;
}

/**
 * Sends what the subscription matches of the ledger since its rule was put; answers how many, and up to when where
 * `goesOn` said no before all had gone.
 */
async function backfill(
  deps: SettleDeps,
  subscription: Subscription,
  now: Date,
  goesOn: () => boolean,
): Promise<{ count: number; upTo?: Date }> {
  const { since: missing, putAt } = subscription.rule;
  const since = Date.parse(missing ?? putAt);
  const from = new Date(Math.max(since - CLOCK_SKEW_MS, Date.parse(subscription.createdAt)));
  const to = new Date(now.getTime() + CLOCK_SKEW_MS);
  let count = 0;
  for await (const page of deps.ledger.history(subscription.dataset, from, to)) {
    const keys = page.map(({ key }) => key);
    const entries = await deps.ledger.read(keys, now);
    const wanted = entries.flatMap((entry) => (entry && wants(subscription, routed(entry)) ? [entry] : []));
    await deps.queue.send(
      wanted.map(({ key, sequence }) => ({
        message: { subscription: refsOf(subscription), event: { key, sequence } },
        delaySeconds: 0,
      })),
    );
    count += wanted.length;
    const last = page.at(-1);
    const upTo = last && new Date(decodeTime(last.sequence));
    // It comes further than the beat before.
    if (upTo && upTo.getTime() > since && !goesOn()) return { count, upTo };
  }
  return { count };
}

/**
 * Sends what was withheld until its receiver had shown that it wants events; answers how many, and whether that was all.
 * What was sent is withheld no more when the list is read again.
 */
async function releaseOwed(
  deps: SettleDeps,
  subscription: Subscription,
  goesOn: () => boolean,
): Promise<{ count: number; whole: boolean }> {
  let count = 0;
  if (!subscription.ownership?.owing) return { count, whole: true };
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
  } while (cursor !== undefined && goesOn());
  return { count, whole: cursor === undefined };
}

/** Whether a subscription's types and filter match an event, as its rule would: large data passes, and is looked into later. */
export function wants(
  subscription: Pick<Subscription, 'types' | 'filter'>,
  { event, payload }: Pick<RoutedEvent, 'event' | 'payload'>,
): boolean {
  const { filter } = subscription;
  if (!coversType(subscription, event.type)) return false;
  return filter === undefined || payload !== undefined || matches(filter, event);
}

/** As long as the rule is the one that was seen; somebody else's change stands. */
async function replaceRuleOf(
  { registry }: SettleDeps,
  seen: Subscription,
  change: (before: Subscription) => Subscription | Promise<Subscription>,
): Promise<boolean> {
  const before = await registry.read('subscription', seen.id);
  if (!before || before.rule.settled || before.rule.putAt !== seen.rule.putAt) return false;
  const item = { ...(await change(before)), revision: before.revision + 1 };
  return registry.write([{ do: 'replace', noun: 'subscription', before, item }]);
}

async function keepPlace(deps: SettleDeps, seen: Subscription, since: Date): Promise<void> {
  await replaceRuleOf(deps, seen, (before) => ({
    ...before,
    rule: { ...before.rule, since: since.toISOString() },
  }));
}

const markSettled = (deps: SettleDeps, seen: Subscription): Promise<boolean> =>
  replaceRuleOf(deps, seen, async (before) => {
    const { replaces, since: _, ...rule } = before.rule;
    if (replaces !== undefined) await deps.rules.remove(rule.bus, replaces);
    const { owing: __, ...ownership } = before.ownership ?? {};
    return {
      ...before,
      status: before.status === 'starting' ? 'active' : before.status,
      // Safe: all of it but one member that may be absent.
      ...(before.ownership && { ownership: ownership as typeof before.ownership }),
      rule: { ...rule, settled: true },
    };
  });
