import type { Contract } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import { seconds } from '../../schemas/duration.ts';
import type { Participant } from '../../schemas/participant.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { revealedClause } from '../pattern/hidden.ts';

/** What the registry says of a subscription at one instant; what is missing does not stand. */
export interface Standing {
  subscription: Subscription | undefined;
  contract: Contract | undefined;
  dataset: Dataset | undefined;
  provider: Participant | undefined;
  consumer: Participant | undefined;
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
  const withheld = standingClause(standing, now) ?? coverageClause(standing, event, now);
  if (withheld) return { kind: 'withhold', clause: withheld };
  const clauses = standing.contract?.terms.minimisation ?? [];
  const unreachable = event.jsonData
    ? undefined
    : clauses.find((clause) => clause.do !== 'delay' && clause.path.startsWith('/data'));
  if (unreachable) return { kind: 'withhold', clause: `minimisation.${unreachable.clause}` };
  for (const clause of clauses) {
    if (clause.do !== 'delay') continue;
    const until = new Date(event.acceptedAt.getTime() + seconds(clause.by) * 1000);
    if (until > now) return { kind: 'delay', clause: `minimisation.${clause.clause}`, until };
  }
  const redacting = clauses.filter((clause) => clause.do !== 'delay').map(({ clause }) => clause);
  if (redacting.length > 0) return { kind: 'redact', clause: `minimisation.${redacting.join('+')}` };
  return { kind: 'deliver', clause: 'contract.terms' };
}

/**
 * The clause by which nothing at all may pass on this subscription now; undefined while contract and parties stand.
 * Asked where there is no single event too: by a pull consumer's `receive` and `ack`.
 */
export function standingClause(
  { subscription, contract, provider, consumer }: Standing,
  now: Date,
): string | undefined {
  if (!subscription) return 'subscription.absent';
  if (subscription.status === 'ended') return 'subscription.status=ended';
  if (!contract) return 'contract.absent';
  if (contract.state !== 'active') return `contract.state=${contract.state}`;
  if (Date.parse(contract.from) > now.getTime()) return 'contract.from';
  if (contract.until !== undefined && Date.parse(contract.until) <= now.getTime()) return 'contract.until';
  if (provider?.status !== 'active') return 'provider.status=suspended';
  if (consumer?.status !== 'active') return 'consumer.status=suspended';
  return undefined;
}

function coverageClause(standing: Standing, event: JudgedEvent, now: Date): string | undefined {
  const { subscription, contract, dataset } = standing;
  if (!dataset) return 'dataset.absent';
  if (contract?.types && !contract.types.includes(event.type)) return 'contract.types';
  const revealed = revealedClause(subscription?.filter, contract?.terms.minimisation);
  // Terms that became stricter: what passes such a filter would tell what they hide.
  if (revealed !== undefined) return `subscription.filter=minimisation.${revealed}`;
  if (subscription?.types && !subscription.types.includes(event.type)) return 'subscription.types';
  if (subscription?.status === 'paused') return 'subscription.status=paused';
  if (subscription?.status === 'disabled') return 'subscription.status=disabled';
  if (event.acceptedAt.getTime() + dataset.retentionDays * 86_400_000 <= now.getTime())
    return 'dataset.retentionDays';
  return undefined;
}
