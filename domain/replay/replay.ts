import type { Caller } from '../../schemas/participant.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import type { Replay, ReplayRequest } from '../../schemas/replay.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { refsOf } from '../clock/release.ts';
import { absent, overtaken } from '../control.ts';
import { isTelling } from '../deliver/verdict.ts';
import { newId, type Random } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { liveSubscription } from '../subscriptions/deps.ts';
import { advanceReplay, type AdvanceDeps, standstill } from './advance.ts';

/** What replaying needs of the world. */
export interface ReplayDeps extends AdvanceDeps {
  now: Clock;
  random: Random;
}

/** How many replays of one subscription may run at once. */
const MOST_RUNNING = 5;
/** How many events are looked at before the call is answered; the clock goes on with the others. */
const AT_ONCE = 500;
/** How long a replay can be looked at. */
const KEPT_DAYS = 90;

/** Lets history go again to a subscription of the caller's, under today's contract. */
export async function startReplay(
  deps: ReplayDeps,
  caller: Caller,
  id: string,
  request: ReplayRequest,
): Promise<Replay> {
  const subscription = await liveSubscription(deps.registry, caller, id);
  const now = deps.now();
  refuseFaults(faultsOf(subscription, request, now));
  await refuseUnlessStanding(deps, subscription, now);
  const running = await deps.registry.list('replaysOfSubscription', { subscription: id }, { limit: 50 });
  if (running.items.filter(({ status }) => status === 'running').length >= MOST_RUNNING)
    throw new ProblemError('conflict', `${MOST_RUNNING} replays of ${id} are running: wait or cancel one`);
  const { id: _, ...refs } = refsOf(subscription);
  const replay: Replay = {
    id: newId('replay', now, deps.random),
    subscription: id,
    ...refs,
    from: new Date(request.from).toISOString(),
    // What is published from now on comes by itself.
    to: new Date(Math.min(Date.parse(request.to), now.getTime())).toISOString(),
    ...(request.types && { types: request.types }),
    status: 'running',
    seen: 0,
    sent: 0,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    revision: 1,
    expires: Math.floor(now.getTime() / 1000) + KEPT_DAYS * 86_400,
  };
  if (!(await deps.registry.write([{ do: 'create', noun: 'replay', item: replay }])))
    throw overtaken('subscription', id);
  // Also when this fails: the replay is kept, and the clock drives it.
  return advanceReplay(deps, replay, AT_ONCE, now).catch(() => replay);
}

function faultsOf({ types: own }: Subscription, { from, to, types }: ReplayRequest, now: Date): Fault[] {
  const faults: Fault[] = [];
  if (Date.parse(from) >= now.getTime()) faults.push({ path: '/from', message: 'must lie in the past' });
  if (Date.parse(to) <= Date.parse(from)) faults.push({ path: '/to', message: 'must be after from' });
  for (const [index, type] of (types ?? []).entries()) {
    if (own && !own.includes(type))
      faults.push({
        path: `/types/${index}`,
        message: `must be a type of the subscription: ${own.join(', ')}`,
      });
  }
  return faults;
}

function refuseFaults(errors: Fault[]): void {
  if (errors.length > 0)
    throw new ProblemError('not-valid', `The replay is not valid: ${errors.length} error(s)`, { errors });
}

async function refuseUnlessStanding(deps: ReplayDeps, subscription: Subscription, now: Date): Promise<void> {
  const [contract, provider, consumer] = await deps.registry.readAll([
    { noun: 'contract', id: subscription.contract },
    { noun: 'participant', id: subscription.provider },
    { noun: 'participant', id: subscription.consumer },
  ] as const);
  const clause = standstill({ subscription, contract, provider, consumer }, now);
  if (clause === undefined) return;
  const mend = isTelling(clause) ? '. The filter reaches what the contract has come to hide: change it' : '';
  throw new ProblemError('conflict', `Nothing passes on this subscription: ${clause}${mend}`);
}

/** A replay of the caller's. */
export async function getReplay(
  deps: Pick<ReplayDeps, 'registry'>,
  caller: Caller,
  id: string,
): Promise<Replay> {
  const replay = await deps.registry.read('replay', id);
  if (replay?.consumer !== caller.participant) throw absent('replay', id);
  return replay;
}

/** Stops a replay: what it has not sent stays, and what is on its way is withheld when it is judged. */
export async function cancelReplay(deps: ReplayDeps, caller: Caller, id: string): Promise<void> {
  const before = await getReplay(deps, caller, id);
  if (before.status === 'cancelled') return;
  const item: Replay = {
    ...before,
    status: 'cancelled',
    updatedAt: deps.now().toISOString(),
    revision: before.revision + 1,
  };
  if (await deps.registry.write([{ do: 'replace', noun: 'replay', before, item }])) return;
  // It went on in this moment: what it is now is cancelled.
  return cancelReplay(deps, caller, id);
}
