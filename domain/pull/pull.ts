import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import { seconds } from '../../schemas/duration.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { recorded } from '../deliver/record.ts';
import type { StandingReader } from '../deliver/standing.ts';
import { type Standing, standingClause, type Verdict, verdictOn } from '../deliver/verdict.ts';
import { judged, minimised } from '../deliver/wire.ts';
import type {
  Clock,
  Deliveries,
  Ledger,
  LedgerEntry,
  PullQueues,
  PullReference,
  Quotas,
  Registry,
  Sealer,
} from '../ports.ts';
import { routed } from '../route.ts';
import { countedOnce, type Judged, withinQuota } from './count.ts';

/** What pulling needs of the world. */
export interface PullDeps {
  registry: Pick<Registry, 'read'>;
  standings: StandingReader;
  ledger: Pick<Ledger, 'read'>;
  deliveries: Pick<Deliveries, 'read' | 'write'>;
  pullQueues: Pick<PullQueues, 'receive' | 'ack' | 'extend'>;
  sealer: Pick<Sealer, 'derive' | 'unseal'>;
  publicUrl?: string | undefined;
  quotas: Pick<Quotas, 'take'>;
  now: Clock;
  territory: Pick<Territory, 'leaseDuration'>;
}

const DELIVERY_ID = /^dlv_\w{1,60}$/;

/** One leased event. */
export interface PulledMessage {
  lease: string;
  leaseSeconds: number;
  event: CloudEvent;
}

/** Whether each lease still stood. */
export interface LeaseResults {
  results: { lease: string; ok: boolean }[];
}

/** What was received, with its queue's lease. */
interface Leased {
  lease: string;
  reference: PullReference;
}

/**
 * At most `max` events, leased, each judged, minimised and read from the ledger only now. What the contract has come
 * to withhold since it was queued is recorded as such and leaves the queue. Refused while nothing may pass at all, and
 * where `letIn` throws after the wait: the caller's key may have been revoked meanwhile.
 */
export async function receive(
  deps: PullDeps,
  caller: Caller,
  id: string,
  { max, waitSeconds }: { max: number; waitSeconds: number },
  letIn: () => Promise<unknown>,
): Promise<{ messages: PulledMessage[] }> {
  const { queue, refs } = await pullable(deps, caller, id);
  const leaseSeconds = Math.ceil(seconds(deps.territory.leaseDuration));
  const leased = await deps.pullQueues.receive(queue, max, waitSeconds, leaseSeconds);
  if (leased.length === 0) return { messages: [] };
  await letIn().catch(async (error: unknown) => {
    const leases = leased.map(({ lease }) => lease);
    await deps.pullQueues.extend(queue, leases, 0).catch(() => undefined);
    throw error;
  });
  const [entries, records] = await Promise.all([
    deps.ledger.read(
      leased.map(({ reference }) => reference.key),
      deps.now(),
    ),
    deps.deliveries.read(leased.map(({ reference }) => reference.delivery)),
  ]);
  // The wait may have been long: what the verdict reads is read again.
  const { standing, contract } = await standingNow(deps, refs);
  const judged = await Promise.all(
    leased.map(async (one, index) => {
      const { replay } = one.reference;
      const known = replay === undefined ? standing : await deps.standings.read({ ...refs, replay });
      return judgeLeased(one, entries[index], records[index], known, deps.now());
    }),
  );
  const ready = await onRecord(deps, queue, contract, judged);
  const { judgements, period } = await withinQuota(deps, contract, ready, deps.now());
  await dismiss(deps, queue, id, judgements);
  const passing = judgements.map(async ({ leased: one, entry, known, verdict }) => {
    if (!entry || verdict.kind === 'withhold' || verdict.kind === 'delay') return [];
    const event = await minimised(deps, routed(entry), standing, one.reference.replay);
    return [{ known, message: { lease: `${one.reference.delivery}.${one.lease}`, leaseSeconds, event } }];
  });
  const handed = (await Promise.all(passing)).flat();
  const seen = handed.map(({ known, message }) => ({ known, event: message.event }));
  const counted = countedOnce(contract, seen, deps.now(), period);
  // Before it is handed over: what cannot be counted stays leased, and comes again.
  if (counted.records.length > 0) await deps.deliveries.write(counted.records, counted.tallies);
  return { messages: handed.map(({ message }) => message) };
}

/**
 * Ends leases for good: the events are delivered. What was acknowledged before is so again, since the answer may have
 * been lost; what is not recorded yet cannot be, and comes again at once. 409 once the contract no longer stands.
 */
export async function ack(
  deps: PullDeps,
  caller: Caller,
  id: string,
  leases: string[],
): Promise<LeaseResults> {
  const { queue, standing, contract } = await pullable(deps, caller, id);
  const parsed = leases.map(parseLease);
  // Recorded before it leaves the queue: interrupted, it comes again, and is not waiting on record for ever.
  const stood = await deps.pullQueues.extend(
    queue,
    parsed.map(({ lease }) => lease),
    Math.ceil(seconds(deps.territory.leaseDuration)),
  );
  const ids = [...new Set(parsed.map(({ delivery }) => delivery))].filter((name) => DELIVERY_ID.test(name));
  const records = ids.length === 0 ? [] : await deps.deliveries.read(ids);
  const now = deps.now();
  // A lease that was made up may name another's delivery: only the subscription's own are touched.
  const own = records.filter((record): record is Delivery => record?.subscription === id);
  const before = new Set(own.filter(({ status }) => status === 'delivered').map((record) => record.id));
  const ownIds = new Set(own.map((record) => record.id));
  const held = parsed.filter(({ delivery }, index) => stood[index] && ownIds.has(delivery));
  const leased = new Set(held.map(({ delivery }) => delivery));
  const mine = own.filter((record) => leased.has(record.id));
  // Taken out before it is recorded, it would never be counted, and be parked one day as if nobody had fetched it.
  const early = parsed.filter(({ delivery }, index) => stood[index] && !ownIds.has(delivery));
  if (early.length > 0)
    await deps.pullQueues.extend(
      queue,
      early.map(({ lease }) => lease),
      1,
    );
  const counted = countedOnce(contract, await eventsOf(deps, standing, mine), now);
  const acked = new Map([...mine, ...counted.records].map((record) => [record.id, record]));
  const done = [...acked.values()].map(({ dueAt: _, ...record }): Delivery => ({
    ...record,
    status: 'delivered',
    updatedAt: now.toISOString(),
  }));
  if (done.length > 0) await deps.deliveries.write(done, counted.tallies);
  const removed =
    held.length === 0
      ? []
      : await deps.pullQueues.ack(
          queue,
          held.map(({ lease }) => lease),
        );
  const gone = new Set(held.flatMap(({ lease }, index) => (removed[index] ? [lease] : [])));
  const results = parsed.map(({ delivery, lease }, index) => ({
    lease: leases[index] ?? '',
    ok: gone.has(lease) || before.has(delivery),
  }));
  return { results };
}

/** The events of deliveries that were received before they were recorded, and so are not counted yet. */
async function eventsOf(
  deps: PullDeps,
  standing: Standing,
  records: Delivery[],
): Promise<{ known: Delivery; event: CloudEvent }[]> {
  const uncounted = records.filter(({ countedOn }) => countedOn === undefined);
  if (uncounted.length === 0) return [];
  const entries = await deps.ledger.read(
    uncounted.map(({ event }) => event.key),
    deps.now(),
  );
  const found = uncounted.flatMap((known, index) => {
    const entry = entries[index];
    return entry ? [{ known, entry }] : [];
  });
  return Promise.all(
    found.map(async ({ known, entry }) => ({
      known,
      event: await minimised(deps, routed(entry), standing, known.replay),
    })),
  );
}

/** Sets when leases end, in seconds from now; 0 releases them at once. 409 once the contract no longer stands. */
export async function extend(
  deps: PullDeps,
  caller: Caller,
  id: string,
  leases: string[],
  until: number,
): Promise<LeaseResults> {
  const { queue } = await pullable(deps, caller, id);
  const stood = await deps.pullQueues.extend(
    queue,
    leases.map((lease) => parseLease(lease).lease),
    until,
  );
  return { results: leases.map((lease, index) => ({ lease, ok: stood[index] ?? false })) };
}

async function pullable(deps: PullDeps, caller: Caller, id: string) {
  const subscription = await deps.registry.read('subscription', id);
  if (!subscription || subscription.consumer !== caller.participant) {
    throw new ProblemError('not-found', `There is no subscription ${id}`);
  }
  if (subscription.destination.kind !== 'pull') {
    throw new ProblemError(
      'conflict',
      `The subscription ${id} delivers to a ${subscription.destination.kind}: nothing is pulled from it`,
    );
  }
  const refs = refsOf(subscription);
  const { standing, contract } = await standingNow(deps, refs);
  if (!subscription.pullQueue)
    throw new ProblemError('unavailable', 'The queue of this subscription is being made', { retryAfter: 2 });
  return { queue: subscription.pullQueue, refs, standing, contract };
}

async function standingNow(
  deps: PullDeps,
  refs: ReturnType<typeof refsOf>,
): Promise<{ standing: Standing; contract: Contract }> {
  const standing = await deps.standings.read(refs);
  const { contract } = standing;
  const clause = standingClause(standing, deps.now());
  if (clause !== undefined || !contract)
    throw new ProblemError('conflict', `Nothing passes on this subscription: ${clause ?? 'contract.absent'}`);
  return { standing, contract };
}

const refsOf = ({ id, contract, dataset, provider, consumer }: Subscription) => ({
  id,
  contract,
  dataset,
  provider,
  consumer,
});

interface Judgement extends Judged {
  leased: Leased;
  entry: LedgerEntry | undefined;
}

function judgeLeased(
  leased: Leased,
  entry: LedgerEntry | undefined,
  known: Delivery | undefined,
  standing: Standing,
  now: Date,
): Judgement {
  const verdict: Verdict = entry
    ? verdictOn(standing, judged(routed(entry)), now)
    : { kind: 'withhold', clause: 'dataset.retentionDays' };
  const { delivery, sequence } = leased.reference;
  return { leased, entry, known, delivery, sequence, verdict };
}

/**
 * Without what was received before it was recorded, where a quota is noted on the record: without one, each lease would
 * take another unit. It comes again in a second.
 */
async function onRecord(
  deps: PullDeps,
  queue: string,
  contract: Contract,
  judged: Judgement[],
): Promise<Judgement[]> {
  if (!contract.terms.quota) return judged;
  const early = judged.filter(({ entry, known }) => entry && !known);
  const leases = early.map(({ leased }) => leased.lease);
  if (leases.length > 0) await deps.pullQueues.extend(queue, leases, 1);
  return judged.filter((one) => !early.includes(one));
}

/** Takes what is withheld out of the queue, once it is recorded: `recover` brings it back where the contract allows. */
async function dismiss(deps: PullDeps, queue: string, id: string, judgements: Judgement[]): Promise<void> {
  const now = deps.now();
  const withheld = judgements.filter(({ verdict }) => verdict.kind === 'withhold');
  if (withheld.length === 0) return;
  const records = withheld.flatMap(({ leased, delivery, known, entry, verdict }) => {
    // A second copy of what was acknowledged stays delivered, and what was erased stays that.
    if (known?.status === 'delivered' || known?.status === 'erased') return [];
    const dueAt = verdict.kind === 'withhold' ? verdict.until : undefined;
    const step = { status: 'withheld', verdict, dueAt, replay: leased.reference.replay } as const;
    if (entry)
      return [recorded(delivery, id, routed(entry), known, step, now, known?.expires ?? entry.expires)];
    if (!known) return [];
    const { kind, clause } = verdict;
    const { dueAt: _, ...rest } = known;
    return [{ ...rest, status: step.status, verdict: kind, clause, updatedAt: now.toISOString() }];
  });
  if (records.length > 0) await deps.deliveries.write(records);
  const leases = withheld.map(({ leased }) => leased.lease);
  await deps.pullQueues.ack(queue, leases);
}

/** `{delivery}.{the queue's lease}`, as `receive` gave it. */
function parseLease(text: string): { delivery: string; lease: string } {
  const dot = text.indexOf('.');
  return { delivery: text.slice(0, Math.max(dot, 0)), lease: text.slice(dot + 1) };
}
