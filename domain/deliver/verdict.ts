import type { Contract } from '../../schemas/contract.ts';
import type { Dataset, MinimisationClause } from '../../schemas/dataset.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { ErasedKeys } from '../../schemas/erasure.ts';
import type { Participant } from '../../schemas/participant.ts';
import type { Replay } from '../../schemas/replay.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { revealedClause } from '../pattern/hidden.ts';

/** What the registry says of a subscription at one instant; what is missing does not stand. */
export interface Standing {
  subscription: Subscription | undefined;
  contract: Contract | undefined;
  dataset: Dataset | undefined;
  provider: Participant | undefined;
  consumer: Participant | undefined;
  /** The replay that sends it again, where one does. */
  replay?: Replay | undefined;
  /** What of the dataset was erased lately; undefined where nothing was. */
  erased?: ErasedKeys | undefined;
}

/** What the contract says of one delivery, and by which clause. */
export type Verdict =
  | { kind: 'deliver'; clause: string }
  | { kind: 'redact'; clause: string }
  | { kind: 'delay'; clause: string; until: Date }
  | { kind: 'withhold'; clause: string; until?: Date };

/** The facts of an event that a verdict rests on. */
export interface JudgedEvent {
  type: string;
  /** When it was accepted. */
  acceptedAt: Date;
  /** Whether `data` is JSON that clauses can reach into. */
  jsonData: boolean;
}

/** The verdict on one event for one subscription, at one instant. Whatever is not proven to stand withholds. */
export function verdictOn(standing: Standing, event: JudgedEvent, now: Date): Verdict {
  // First: by any other clause the record would be shown, and tell that the filter let this event pass.
  const clause = tellingFilter(standing) ?? standingClause(standing, now);
  return judgedBy(clause, standing, event, now);
}

/** The verdict on one event for who reads it without a subscription: from the history, or by a link. */
export function verdictOnReading(
  standing: Omit<Standing, 'subscription'>,
  event: JudgedEvent,
  now: Date,
): Verdict {
  return judgedBy(contractClause(standing, now), { ...standing, subscription: undefined }, event, now);
}

function judgedBy(clause: string | undefined, standing: Standing, event: JudgedEvent, now: Date): Verdict {
  const withheld = clause ?? coverageClause(standing, event, now);
  if (withheld) return { kind: 'withhold', clause: withheld };
  const { inData, delays, redacting } = summaryOf(standing.contract?.terms.minimisation ?? []);
  if (inData !== undefined && !event.jsonData) return { kind: 'withhold', clause: inData };
  for (const { clause, ms } of delays) {
    const until = new Date(event.acceptedAt.getTime() + ms);
    if (until > now) return { kind: 'delay', clause, until };
  }
  if (redacting !== undefined) return { kind: 'redact', clause: redacting };
  return { kind: 'deliver', clause: 'contract.terms' };
}

/** What a verdict needs of a list of clauses, made once for all events of a contract. */
interface ClauseSummary {
  /** The first that reaches into `data`. */
  inData: string | undefined;
  delays: { clause: string; ms: number }[];
  /** All that change the event, by name. */
  redacting: string | undefined;
}
const summaries = new WeakMap<MinimisationClause[], ClauseSummary>();

function summaryOf(clauses: MinimisationClause[]): ClauseSummary {
  const known = summaries.get(clauses);
  if (known) return known;
  const named = (name: string): string => `minimisation.${name}`;
  const changing = clauses.filter((clause) => clause.do !== 'delay');
  const inData = changing.find(({ path }) => path.startsWith('/data'));
  const made = {
    inData: inData && named(inData.clause),
    delays: clauses.flatMap((clause) =>
      clause.do === 'delay' ? [{ clause: named(clause.clause), ms: milliseconds(clause.by) }] : [],
    ),
    redacting: changing.length > 0 ? named(changing.map(({ clause }) => clause).join('+')) : undefined,
  };
  summaries.set(clauses, made);
  return made;
}

/** The clause of what comes for a subscription that has failed for too long: it is parked. */
export const DISABLED = 'subscription.status=disabled';
/** The clause of what nobody fetched before its queue would have dropped it. */
export const UNFETCHED = 'territory.pullRetention';

/** The clause of what the mesh itself has failed on, again and again. */
export const FAILED = 'mesh.failed';

const TELLING = 'subscription.filter=';

/** The clause by which nothing passes a filter that terms, become stricter, hide: what it lets pass would tell what they do. */
export function tellingFilter({
  subscription,
  contract,
}: Pick<Standing, 'subscription' | 'contract'>): string | undefined {
  const revealed = revealedClause(subscription?.filter, contract?.terms.minimisation);
  return revealed && `${TELLING}minimisation.${revealed}`;
}

/** Whether a clause is one of {@link tellingFilter}: that there is a delivery which it withheld is nothing for its consumer. */
export const isTelling = (clause: string): boolean => clause.startsWith(TELLING);

/** The clause of what waits until its receiver has shown that it wants events. */
export const UNVERIFIED = 'subscription.status=unverified';

/**
 * The clause by which nothing at all may pass on this subscription now; undefined while contract and parties stand.
 * Asked where there is no single event too: by a pull consumer's `receive` and `ack`.
 */
export function standingClause(standing: Standing, now: Date): string | undefined {
  const { subscription, replay } = standing;
  if (!subscription) return 'subscription.absent';
  if (subscription.status === 'ended') return 'subscription.status=ended';
  if (subscription.status === 'unverified') return UNVERIFIED;
  return (
    contractClause(standing, now) ?? (replay?.status === 'cancelled' ? 'replay.status=cancelled' : undefined)
  );
}

/** The clause by which nothing at all may pass under this contract now; undefined while it and its parties stand. */
export function contractClause(
  { contract, provider, consumer }: Pick<Standing, 'contract' | 'provider' | 'consumer'>,
  now: Date,
): string | undefined {
  if (!contract) return 'contract.absent';
  if (contract.state !== 'active') return `contract.state=${contract.state}`;
  if (Date.parse(contract.from) > now.getTime()) return 'contract.from';
  if (contract.until !== undefined && Date.parse(contract.until) <= now.getTime()) return 'contract.until';
  if (provider?.status !== 'active') return 'provider.status=suspended';
  if (consumer?.status !== 'active') return 'consumer.status=suspended';
  return undefined;
}

/** Whether what names types, or none and so means all, covers this one; nothing to go by covers it too. */
export const coversType = (of: { types?: string[] | undefined } | undefined, type: string): boolean =>
  of?.types === undefined || of.types.includes(type);

function coverageClause(standing: Standing, event: JudgedEvent, now: Date): string | undefined {
  const { subscription, contract, dataset } = standing;
  if (!dataset) return 'dataset.absent';
  if (!coversType(contract, event.type)) return 'contract.types';
  if (!coversType(subscription, event.type)) return 'subscription.types';
  if (subscription?.status === 'paused') return 'subscription.status=paused';
  if (subscription?.status === 'disabled') return DISABLED;
  if (event.acceptedAt.getTime() + dataset.retentionDays * 86_400_000 <= now.getTime())
    return 'dataset.retentionDays';
  return undefined;
}
