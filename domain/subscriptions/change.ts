import { canonicalJson } from '../../events/canonical.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription, SubscriptionPatch } from '../../schemas/subscription.ts';
import { absent, overtaken } from '../control.ts';
import { draining } from '../deliver/circuit.ts';
import { askReceiver, beginProof, isUnproven } from '../ownership/prove.ts';
import { refuseWish } from './check.ts';
import {
  liveSubscription,
  ownSubscription,
  type SubscriptionDeps,
  type SubscriptionView,
  viewOf,
} from './deps.ts';
import { putRule, removeRules, replacingRule } from './rules.ts';
import { makeSecret, type Subscribed } from './subscribe.ts';

/** Changes a subscription. A changed filter makes a new rule; the old one goes on until it has settled. */
export async function patchSubscription(
  deps: SubscriptionDeps,
  caller: Caller,
  id: string,
  patch: SubscriptionPatch,
): Promise<SubscriptionView> {
  const before = await liveSubscription(deps.registry, caller, id);
  await refusePatch(deps, before, patch);
  const planned = patched(before, patch, deps.now());
  const begun = hasMoved(before, planned) ? await beginProof(deps, planned) : { item: planned };
  if (!(await replace(deps, before, begun.item))) throw overtaken('subscription', id);
  if (begun.item.rule.name !== before.rule.name) await changeRule(deps, before, begun.item);
  return viewOf(await askReceiver(deps, begun, { tell: true }));
}

/** Whether events are to go to another receiver. */
const hasMoved = ({ destination: before }: Subscription, { destination: after }: Subscription): boolean =>
  placeOf(before) !== placeOf(after);

function placeOf(destination: Subscription['destination']): string {
  if (destination.kind === 'webhook') return destination.url;
  const { concurrency: _, ...place } = destination;
  return canonicalJson(place);
}

async function changeRule(deps: SubscriptionDeps, before: Subscription, item: Subscription): Promise<void> {
  try {
    await putRule(deps.rules, item);
  } catch (error) {
    // The old rule still stands, and so shall what the registry says of it.
    await replace(deps, item, before);
    throw error;
  }
  const outdated = [before.rule.name, before.rule.replaces].filter((name) => name !== item.rule.replaces);
  for (const name of outdated) {
    // The change is made; a rule that stays behind is nobody's, and the reconciler removes it.
    if (name !== undefined) await deps.rules.remove(before.rule.bus, name).catch(() => undefined);
  }
}

/** Ends a subscription: the registry says so first, which stops its deliveries; then its rules and queue go. */
export async function endSubscription(deps: SubscriptionDeps, caller: Caller, id: string): Promise<void> {
  const before = await ownSubscription(deps.registry, caller, id);
  const ended: Subscription = { ...before, status: 'ended', revision: before.revision + 1 };
  if (before.status !== 'ended' && !(await replace(deps, before, ended))) throw overtaken('subscription', id);
  await removeRules(deps.rules, before);
  if (before.pullQueue !== undefined) await deps.pullQueues.remove(before.pullQueue);
}

/** As many secrets sign at once, at most: more would make a header that receivers refuse. */
const SIGNING_AT_ONCE = 5;

/**
 * Makes a new webhook secret, shown this once; the one before signs too for as long as the territory says, and those
 * before it to their own end: a rotation that is asked for twice takes nothing from a receiver.
 */
export async function rotateSecret(deps: SubscriptionDeps, caller: Caller, id: string): Promise<Subscribed> {
  const before = await liveSubscription(deps.registry, caller, id);
  if (before.destination.kind !== 'webhook') {
    throw new ProblemError('conflict', `The subscription ${id} delivers to no webhook: it has no secret`);
  }
  const now = deps.now();
  const end = new Date(now.getTime() + milliseconds(deps.territory.secretOverlap)).toISOString();
  const older = before.secrets
    .map(({ sealed, until = end }) => ({ sealed, until }))
    .filter(({ until }) => Date.parse(until) > now.getTime());
  const [first] = older.slice(SIGNING_AT_ONCE - 1);
  if (first) {
    throw new ProblemError(
      'conflict',
      `${SIGNING_AT_ONCE} secrets sign for the subscription ${id} already: rotate again after ${first.until}, when the oldest ends`,
    );
  }
  const secret = makeSecret(deps.random);
  const item: Subscription = {
    ...before,
    secrets: [{ sealed: await deps.sealer.seal(secret) }, ...older],
    revision: before.revision + 1,
  };
  if (!(await replace(deps, before, item))) throw overtaken('subscription', id);
  return { subscription: viewOf(item), secret };
}

const replace = (deps: SubscriptionDeps, before: Subscription, item: Subscription): Promise<boolean> =>
  deps.registry.write([{ do: 'replace', noun: 'subscription', before, item }]);

async function refusePatch(
  deps: SubscriptionDeps,
  before: Subscription,
  patch: SubscriptionPatch,
): Promise<void> {
  const { filter, destination } = patch;
  if (destination && destination.kind !== before.destination.kind) {
    const errors = [
      { path: '/destination/kind', message: `must stay ${before.destination.kind}: subscribe anew` },
    ];
    throw new ProblemError('not-valid', 'A subscription keeps its kind of destination', { errors });
  }
  const contract = await deps.registry.read('contract', before.contract);
  if (!contract) throw absent('contract', before.contract);
  const wish = { ...(before.types && { types: before.types }), ...(filter && { filter }), destination };
  refuseWish(contract, before.types ?? [], wish, deps);
}

function patched(before: Subscription, patch: SubscriptionPatch, now: Date): Subscription {
  const filter = patch.filter === undefined ? before.filter : (patch.filter ?? undefined);
  const changed = canonicalJson(filter ?? null) !== canonicalJson(before.filter ?? null);
  const { filter: _, failingSince, circuit, ...rest } = before;
  // Another address, or the word of its owner, gives a failing or disabled subscription a new start.
  const anew = patch.destination !== undefined || patch.paused === false;
  const rule = changed ? replacingRule(before, now) : before.rule;
  return {
    ...rest,
    ...(filter && { filter }),
    ...(patch.destination && { destination: patch.destination }),
    ...(patch.label !== undefined && { label: patch.label }),
    ...(failingSince !== undefined && !anew && { failingSince }),
    ...(circuit && { circuit: anew ? draining(circuit, now) : circuit }),
    rule,
    status: statusAfter(before, patch, { anew, settled: rule.settled }),
    revision: before.revision + 1,
  };
}

function statusAfter(
  { status: before, ownership }: Pick<Subscription, 'status' | 'ownership'>,
  { paused }: SubscriptionPatch,
  { anew, settled }: { anew: boolean; settled: boolean },
): Subscription['status'] {
  if (paused === true || (before === 'paused' && paused === undefined)) return 'paused';
  if (!anew && (before === 'failing' || before === 'disabled')) return before;
  if (isUnproven({ ownership })) return 'unverified';
  return settled ? 'active' : 'starting';
}
