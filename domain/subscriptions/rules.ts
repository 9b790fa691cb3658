import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { wantedRule } from '../clock/reconcile.ts';
import type { Rules } from '../ports.ts';

/** The most rules of one bus (quota "Rules per event bus"). */
const MAX_RULES = 300;

/** The rule that is to be put for a new subscription, on the bus with the fewest. */
export async function placedRule(
  rules: Pick<Rules, 'list'>,
  buses: string[],
  id: string,
  now: Date,
): Promise<Subscription['rule']> {
  const counts = new Map(buses.map((bus) => [bus, 0]));
  // With one bus there is nothing to choose; the reconciler's count warns before it is full.
  if (buses.length > 1) {
    for (const { bus } of await rules.list()) counts.set(bus, (counts.get(bus) ?? 0) + 1);
  }
  const [[bus, count] = ['', MAX_RULES]] = [...counts].sort(([, one], [, other]) => one - other);
  if (count >= MAX_RULES)
    throw new ProblemError('unavailable', 'The territory has no room for another subscription');
  return { name: id, bus, putAt: now.toISOString(), settled: false };
}

/**
 * The rule for a changed filter, by a new name: the old one goes on until this one has settled. A rule that never
 * settled is not kept: the one before it still stands.
 */
export function replacingRule({ id, rule, revision }: Subscription, now: Date): Subscription['rule'] {
  const replaces = rule.settled ? rule.name : rule.replaces;
  return {
    name: `${id}.${revision + 1}`,
    bus: rule.bus,
    putAt: now.toISOString(),
    settled: false,
    // What an unsettled rule may have missed is still owed.
    ...(!rule.settled && { since: rule.since ?? rule.putAt }),
    ...(replaces !== undefined && { replaces }),
  };
}

/** Puts the rule that the registry has for a subscription. */
export async function putRule(rules: Pick<Rules, 'put'>, subscription: Subscription): Promise<void> {
  const rule = wantedRule(subscription);
  if (rule) await rules.put(rule);
}

/** Removes every rule of a subscription. */
export async function removeRules(rules: Pick<Rules, 'remove'>, { rule }: Subscription): Promise<void> {
  await rules.remove(rule.bus, rule.name);
  if (rule.replaces !== undefined) await rules.remove(rule.bus, rule.replaces);
}
