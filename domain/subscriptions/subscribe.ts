import type { Contract } from '../../schemas/contract.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription, SubscriptionRequest } from '../../schemas/subscription.ts';
import { settleContract } from '../contracts/settle.ts';
import { absent, overtaken } from '../control.ts';
import { isFetched } from '../deliver/keep.ts';
import { newId, type Random } from '../ids.ts';
import { askReceiver, type Begun, beginProof } from '../ownership/prove.ts';
import { refuseWish } from './check.ts';
import { type SubscriptionDeps, type SubscriptionView, viewOf } from './deps.ts';
import { placedRule, putRule, removeRules } from './rules.ts';

/** A subscription just made, with its webhook's secret, which is shown this once. */
export interface Subscribed {
  subscription: SubscriptionView;
  secret?: string;
}

/**
 * Subscribes under an active contract of the caller's. The registry says first what is to be; then the rule is put,
 * and until it has settled the subscription is `starting`; a webhook's receiver is asked whether it wants events, and
 * until it does the subscription is `unverified`. When a step fails, those before it are taken back.
 */
export async function subscribe(
  deps: SubscriptionDeps,
  caller: Caller,
  request: SubscriptionRequest,
): Promise<Subscribed> {
  const { contract, types: known } = await standingContract(deps, caller, request.contract);
  // Types that the contract names bound the rule too, so that what it never covers is not even matched.
  const types = request.types ?? contract.types;
  const wish = {
    destination: request.destination,
    ...(types && { types }),
    ...(request.filter && { filter: request.filter }),
  };
  refuseWish(contract, known, wish, deps);

  const now = deps.now();
  const id = newId('subscription', now, deps.random);
  const secret = request.destination.kind === 'webhook' ? makeSecret(deps.random) : undefined;
  const begun = await beginProof(deps, {
    id,
    contract: contract.id,
    dataset: contract.dataset,
    provider: contract.provider,
    consumer: contract.consumer,
    ...wish,
    ...(request.label !== undefined && { label: request.label }),
    status: 'starting',
    rule: await placedRule(deps.rules, deps.buses, id, now),
    secrets: secret === undefined ? [] : [{ sealed: await deps.sealer.seal(secret) }],
    createdAt: now.toISOString(),
    revision: 1,
  });
  const kept = await establish(deps, contract, begun);
  return { subscription: viewOf(kept), ...(secret !== undefined && { secret }) };
}

/** A webhook secret as Standard Webhooks has it: 24 to 64 random bytes in base64, marked by `whsec_`. */
export const makeSecret = (random: Random): string => `whsec_${random(32).toString('base64')}`;

/** The contract with the types that it covers; 409 unless it is active. */
async function standingContract(deps: SubscriptionDeps, caller: Caller, id: string) {
  let contract = await deps.registry.read('contract', id);
  if (contract && (await settleContract(deps, contract))) contract = await deps.registry.read('contract', id);
  if (contract?.consumer !== caller.participant) throw absent('contract', id);
  if (contract.state !== 'active') {
    throw new ProblemError(
      'conflict',
      `The contract ${id} is ${contract.state}: subscriptions need an active one`,
    );
  }
  const dataset = contract.types ? undefined : await deps.registry.read('dataset', contract.dataset);
  return { contract, types: contract.types ?? dataset?.types.map(({ type }) => type) ?? [] };
}

async function establish(
  deps: SubscriptionDeps,
  contract: Contract,
  { item: planned, word }: Begun,
): Promise<Subscription> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    let subscription = planned;
    if (isFetched(planned.destination)) {
      const pullQueue = await deps.pullQueues.create(planned.id);
      undo.unshift(() => deps.pullQueues.remove(pullQueue));
      subscription = { ...planned, pullQueue };
    }
    const written = await deps.registry.write([
      { do: 'expect', noun: 'contract', before: contract },
      { do: 'create', noun: 'subscription', item: subscription },
    ]);
    if (!written) throw overtaken('contract', contract.id);
    undo.unshift(() => deps.registry.write([{ do: 'remove', noun: 'subscription', id: planned.id }]));
    // Also when putting the rule fails: it may have been put all the same.
    undo.unshift(() => removeRules(deps.rules, subscription));
    await putRule(deps.rules, subscription);
    return await askReceiver(
      deps,
      { item: subscription, ...(word !== undefined && { word }) },
      { tell: true },
    );
  } catch (error) {
    // Best effort: what cannot be taken back now, the reconciler finds without its subscription and removes.
    for (const step of undo) await step().catch(() => undefined);
    throw error;
  }
}
