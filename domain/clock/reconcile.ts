import type { Subscription } from '../../schemas/subscription.ts';
import { compose } from '../pattern/compose.ts';
import type { Registry, Rule, Rules } from '../ports.ts';
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

/**
 * Makes the rules what the registry says: puts those that are missing or differ, removes those that nobody wants.
 * A rule made while this runs is not yet in the registry's list: only rules whose subscription is known to have ended,
 * or is absent on a second look, are removed.
 */
export async function reconcileRules(deps: {
  registry: Pick<Registry, 'list' | 'read'>;
  rules: Rules;
}): Promise<{ put: number; removed: number }> {
  const present = new Map((await deps.rules.list()).map((rule) => [`${rule.bus}/${rule.name}`, rule]));
  const wanted = new Set<string>();
  let put = 0;
  for await (const subscription of subscriptions(deps.registry)) {
    const rule = wantedRule(subscription);
    if (!rule) continue;
    wanted.add(`${rule.bus}/${rule.name}`);
    if (subscription.rule.replaces !== undefined) wanted.add(`${rule.bus}/${subscription.rule.replaces}`);
    if (sameJson(present.get(`${rule.bus}/${rule.name}`)?.pattern, rule.pattern)) continue;
    await deps.rules.put(rule);
    put += 1;
  }
  let removed = 0;
  for (const [address, { bus, name }] of present) {
    if (wanted.has(address) || (await isWanted(deps.registry, name))) continue;
    await deps.rules.remove(bus, name);
    removed += 1;
  }
  return { put, removed };
}

/** A rule's name is its subscription's id, and after a change of filter the revision: `sub_…` or `sub_….3`. */
async function isWanted(registry: Pick<Registry, 'read'>, name: string): Promise<boolean> {
  const [id = name] = name.split('.');
  const subscription = await registry.read('subscription', id);
  if (!subscription || subscription.status === 'ended') return false;
  return subscription.rule.name === name || subscription.rule.replaces === name;
}

async function* subscriptions(registry: Pick<Registry, 'list'>): AsyncIterable<Subscription> {
  let cursor: string | undefined;
  do {
    const page = await registry.list(
      'subscriptions',
      {},
      { limit: 200, ...(cursor !== undefined && { cursor }) },
    );
    yield* page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
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
