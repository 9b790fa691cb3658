import type { Subscription } from '../../schemas/subscription.ts';
import { compose } from '../pattern/compose.ts';
import type { Registry, Rule, Rules } from '../ports.ts';
import { everyItem } from '../control.ts';
import { eachApart } from './apart.ts';
import { refsOf } from './release.ts';

/** The rule that the registry wants for a subscription; none once it has ended. */
export function wantedRule(subscription: Subscription): Rule | undefined {
  if (subscription.status === 'ended') return undefined;
  const { dataset, types, filter, rule } = subscription;
  return {
    name: rule.name,
    bus: rule.bus,
    pattern: compose({ dataset, ...(types && { types }), ...(filter && { filter }) }),
    subscription: refsOf(subscription),
  };
}

/** How far back a settled rule that was found missing or changed is taken to have missed events. */
const MISSED_MS = 3_600_000;
/** Whoever makes a rule writes it to the registry first: for so long that is no reason to begin anew. */
const MAKING_MS = 5000;

/**
 * Makes the rules what the registry says: puts those that are missing or differ, removes those that nobody wants. A
 * rule that is put here has yet to settle, and what it may have missed is routed again then.
 * A rule made while this runs is not yet in the registry's list: only rules whose subscription is known to have ended,
 * or is absent on a second look, are removed. One rule that cannot be put or removed does not hold up the others.
 */
export async function reconcileRules(
  deps: { registry: Pick<Registry, 'list' | 'read' | 'write'>; rules: Rules },
  now: Date,
): Promise<{ put: number; removed: number }> {
  const present = new Map((await deps.rules.list()).map((rule) => [`${rule.bus}/${rule.name}`, rule]));
  const wanted = new Set<string>();
  const count = { put: 0, removed: 0 };
  const restore = async (subscription: Subscription): Promise<void> => {
    const rule = wantedRule(subscription);
    if (!rule) return;
    wanted.add(`${rule.bus}/${rule.name}`);
    if (subscription.rule.replaces !== undefined) wanted.add(`${rule.bus}/${subscription.rule.replaces}`);
    if (sameJson(present.get(`${rule.bus}/${rule.name}`)?.pattern, rule.pattern)) return;
    // Changed meanwhile: then it is looked at again at the next beat.
    if (!(await unsettle(deps.registry, subscription, now))) return;
    await deps.rules.put(rule);
    count.put += 1;
  };
  const restored = eachApart(
    everyItem((page) => deps.registry.list('subscriptions', {}, page)),
    restore,
  );
  const failure = await restored.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  await eachApart(present, async ([address, { bus, name }]) => {
    if (wanted.has(address) || (await isWanted(deps.registry, name))) return;
    await deps.rules.remove(bus, name);
    count.removed += 1;
  });
  if (failure) throw failure.error;
  return count;
}

/** Says that a rule is put only now, before it is: what settles must have had its time. False when it was changed. */
async function unsettle(
  registry: Pick<Registry, 'write'>,
  before: Subscription,
  now: Date,
): Promise<boolean> {
  const { rule } = before;
  if (!rule.settled && now.getTime() - Date.parse(rule.putAt) <= MAKING_MS) return true;
  const since = rule.settled ? new Date(now.getTime() - MISSED_MS).toISOString() : (rule.since ?? rule.putAt);
  const item = {
    ...before,
    rule: { ...rule, putAt: now.toISOString(), settled: false, since },
    revision: before.revision + 1,
  };
  return registry.write([{ do: 'replace', noun: 'subscription', before, item }]);
}

/** A rule's name is its subscription's id, and after a change of filter the revision: `sub_…` or `sub_….3`. */
async function isWanted(registry: Pick<Registry, 'read'>, name: string): Promise<boolean> {
  const [id = name] = name.split('.');
  const subscription = await registry.read('subscription', id);
  if (!subscription || subscription.status === 'ended') return false;
  return subscription.rule.name === name || subscription.rule.replaces === name;
}

/** Engines may write a pattern back with other white space or order. */
function sameJson(one: string | undefined, other: string): boolean {
  return (
    one !== undefined && JSON.stringify(sorted(JSON.parse(one))) === JSON.stringify(sorted(JSON.parse(other)))
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
