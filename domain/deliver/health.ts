import { milliseconds } from '../../schemas/duration.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { Change, Registry } from '../ports.ts';
import { type CircuitPlan, draining, mayProbe, opened, probeFailed, probing, type Run } from './circuit.ts';
import type { Next } from './retry.ts';
import { type Endpoints, endpointMemory } from './endpoints.ts';

/** Makes the notice of a change of status; part of the same transaction. */
export type StateNotice = (subscription: Subscription, now: Date) => Change[];

/** How an attempt went. */
export interface Went {
  next: Next['kind'];
  /** The attempt's number, from 1. */
  count: number;
  /** It was parked without an attempt: that says nothing of the endpoint. */
  unattempted?: boolean;
  /** Whether it was the probe of an endpoint that is spared. */
  probe?: boolean;
  /** For how long the receiver asked not to be sent anything. */
  askedMs?: number;
  /** The delivery, where it was parked. */
  parked?: Parked;
}

/** A delivery that was parked, and until when its event is kept. */
export interface Parked {
  delivery: string;
  attempts: number;
  until: Date;
}

/** Makes the notices of a subscription's endpoint; each is part of the transaction that it tells of. */
export interface EndpointNotices {
  state: StateNotice;
  parked: (subscription: Subscription, parked: Parked, now: Date) => Change[];
}

/** What a territory says of failing subscriptions. */
export type HealthPlan = CircuitPlan & Pick<Territory, 'disableAfter' | 'parkedNoticeEvery'>;

const LIVE: readonly Subscription['status'][] = ['starting', 'active', 'failing'];

/**
 * The subscription after an attempt, where that changes it: a 410 ends it; a run of failures opens its circuit; a probe
 * that fails, or a delivery that parks, makes it `failing`, and for longer than `disableAfter`, `disabled`; what
 * arrives makes it well again. Undefined when nothing changes.
 */
export function afterAttempt(
  subscription: Subscription,
  went: Went & { run?: Run },
  plan: HealthPlan,
  now: Date,
): Subscription | undefined {
  if (!LIVE.includes(subscription.status)) return undefined;
  const revised = { ...subscription, revision: subscription.revision + 1 };
  if (went.next === 'gone') return { ...without(revised), status: 'ended' };
  return went.next === 'delivered' ? well(revised, now) : failed(revised, went, plan, now);
}

const without = ({ failingSince: _, ...rest }: Subscription): Subscription => rest;

function well(revised: Subscription, now: Date): Subscription | undefined {
  const { failingSince, circuit, rule } = revised;
  if (failingSince === undefined && circuit?.state !== 'open') return undefined;
  return {
    ...without(revised),
    ...(circuit?.state === 'open' && { circuit: draining(circuit, now) }),
    status: rule.settled ? 'active' : 'starting',
  };
}

function failed(
  revised: Subscription,
  { next, probe, askedMs = 0, run }: Went & { run?: Run },
  plan: HealthPlan,
  now: Date,
): Subscription | undefined {
  const { circuit, status } = revised;
  const isOpen = circuit?.state === 'open';
  const opens = !isOpen && hasEnded(run, plan);
  const probed = isOpen && probe === true;
  const tired = isTired(revised, plan, now);
  const shows = next === 'parked' || probed;
  const changes = opens || probed || tired || (shows && status !== 'failing');
  if (!changes) return undefined;
  return {
    ...revised,
    failingSince: revised.failingSince ?? beginning(run, now),
    ...(opens && { circuit: opened(plan, askedMs, now) }),
    ...(probed && { circuit: probeFailed(circuit, askedMs, now) }),
    status: tired ? 'disabled' : shows ? 'failing' : status,
  };
}

const hasEnded = (run: Run | undefined, { circuitFailures }: HealthPlan): boolean =>
  run !== undefined && run.failures >= circuitFailures;

const isTired = ({ failingSince }: Subscription, { disableAfter }: HealthPlan, now: Date): boolean =>
  failingSince !== undefined && now.getTime() - Date.parse(failingSince) >= milliseconds(disableAfter);

const beginning = (run: Run | undefined, now: Date): string =>
  new Date(Math.min(run?.since ?? Number.POSITIVE_INFINITY, now.getTime())).toISOString();

/** Told how an attempt went: the subscription as the verdict read it. */
export type NoteHealth = (subscription: Subscription, went: Went, now: Date) => Promise<void>;

/**
 * Whether a delivery may be attempted: `go`; `probe`, for which an endpoint that is spared is asked whether it is well;
 * `wait` where others are not; `soon` where it has failed here and is not on record as spared yet.
 */
export type Gate = (subscription: Subscription, now: Date) => Promise<'go' | 'probe' | 'wait' | 'soon'>;

/** Watches over the endpoints that one function sends to. */
export interface EndpointKeeper {
  gate: Gate;
  noteHealth: NoteHealth;
}

/** The registry twice: with its audit, for what changes a status, and without, for what does not. */
export interface KeeperRegistry {
  audited: Pick<Registry, 'write'>;
  quiet: Pick<Registry, 'read' | 'write'>;
}

/**
 * Keeps endpoints: runs of failures are counted in the function's own memory, and what follows from them is on the
 * subscription, which every function reads anyway. What arrives at once at an endpoint that is well costs no call.
 * Whoever changed the subscription meanwhile wins.
 */
export function endpointKeeper(
  registry: KeeperRegistry,
  plan: HealthPlan,
  notices: EndpointNotices,
): EndpointKeeper {
  const memory = endpointMemory(plan.circuitFailures);
  return { gate: gateOf(registry, plan, memory), noteHealth: noterOf(registry, plan, notices, memory) };
}

function gateOf({ quiet }: KeeperRegistry, plan: HealthPlan, memory: Endpoints): Gate {
  return async (seen, now) => {
    const { id, circuit } = seen;
    if (circuit?.state !== 'open') return memory.hasJustFailed(id, now) ? 'soon' : 'go';
    if (!mayProbe(seen, now) || !memory.mayAsk(id, circuit.probeAt)) return 'wait';
    memory.asked(id, circuit.probeAt);
    try {
      return (await claimProbe(quiet, plan, id, now)) ? 'probe' : 'wait';
    } catch (error) {
      // Nobody may have it now: were it not asked for again, nothing would ever be sent.
      memory.unasked(id);
      throw error;
    }
  };
}

/** Takes the right to the probe that is due; false where somebody else has it. */
async function claimProbe(
  quiet: KeeperRegistry['quiet'],
  plan: HealthPlan,
  id: string,
  now: Date,
): Promise<boolean> {
  const before = await quiet.read('subscription', id);
  if (!before?.circuit || !mayProbe(before, now)) return false;
  const circuit = probing(before.circuit, plan, now);
  const item: Subscription = { ...before, circuit, revision: before.revision + 1 };
  return quiet.write([{ do: 'replace', noun: 'subscription', before, item }]);
}

function noterOf(
  { quiet, audited }: KeeperRegistry,
  plan: HealthPlan,
  notices: EndpointNotices,
  memory: Endpoints,
): NoteHealth {
  return async (seen, went, now) => {
    if (went.unattempted && !isToTell(seen, plan, now)) return;
    const run = counted(memory, seen, went, now);
    if (!mayMatter(seen, went, run, plan, memory)) return;
    const before = await quiet.read('subscription', seen.id);
    const moved = before && afterAll(before, { ...went, ...(run && { run }) }, plan, now);
    if (!before || !moved) return;
    const { item, parked } = moved;
    const told = item.status !== before.status;
    const kept = await (told ? audited : quiet).write([
      { do: 'replace', noun: 'subscription', before, item },
      ...(told ? notices.state(item, now) : []),
      ...(parked ? notices.parked(item, parked, now) : []),
    ]);
    if (kept && item.circuit?.state === 'open') memory.opened(seen.id);
  };
}

/** Remembers how an attempt went; answers the run of failures that it belongs to. */
function counted(
  memory: Endpoints,
  seen: Subscription,
  { next, unattempted }: Went,
  now: Date,
): Run | undefined {
  if (next === 'delivered') memory.arrived(seen.id);
  if (unattempted) return undefined;
  return next === 'retry' || next === 'parked' ? memory.failed(seen, now) : undefined;
}

/** The subscription after an attempt, and the parked delivery that its consumer is to be told of; undefined for neither. */
function afterAll(
  before: Subscription,
  went: Went & { run?: Run },
  plan: HealthPlan,
  now: Date,
): { item: Subscription; parked: Parked | undefined } | undefined {
  const changed = afterAttempt(before, went, plan, now);
  const parked = isToTell(before, plan, now) ? went.parked : undefined;
  if (!parked) return changed && { item: changed, parked };
  const item = changed ?? { ...before, revision: before.revision + 1 };
  return { item: { ...item, parkedToldAt: now.toISOString() }, parked };
}

/** Whether a consumer is to be told of what is parked: in a storm one notice stands for all within its time. */
export const isToTell = (
  { parkedToldAt }: Pick<Subscription, 'parkedToldAt'>,
  { parkedNoticeEvery }: Pick<HealthPlan, 'parkedNoticeEvery'>,
  now: Date,
): boolean =>
  parkedToldAt === undefined || now.getTime() - Date.parse(parkedToldAt) >= milliseconds(parkedNoticeEvery);

/**
 * Whether a fresh read may be worth it. First attempts go by what the verdict read, so that what arrives at once costs
 * none; later ones may have made the subscription failing themselves after that was read.
 */
function mayMatter(
  seen: Subscription,
  { next, count, probe }: Went,
  run: Run | undefined,
  plan: HealthPlan,
  memory: Endpoints,
): boolean {
  if (probe || next === 'gone' || next === 'parked') return true;
  if (next === 'delivered')
    return count > 1 || seen.failingSince !== undefined || seen.circuit?.state === 'open';
  return (
    (run?.failures ?? 0) >= plan.circuitFailures && seen.circuit?.state !== 'open' && memory.isFirst(seen.id)
  );
}
