import { decodeTime } from 'ulid';
import { eventKey } from '../../events/key.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import type { Caller } from '../../schemas/participant.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { absent } from '../control.ts';
import { deliveryId } from '../deliver/identity.ts';
import { sequenceOf } from '../deliver/pseudonym.ts';
import { coversType, isTelling, type Standing } from '../deliver/verdict.ts';
import type { Clock, Deliveries, Ledger, LedgerEntry, Registry, Sealer } from '../ports.ts';
import { type Explanation, UNKNOWN } from './explanation.ts';
import { ofDelivery, ofErased } from './delivered.ts';
import { refusedPublication } from './refused.ts';
import { whyNotMatched } from './unmatched.ts';

/** What explaining needs of the world. */
export interface ExplainDeps {
  registry: Pick<Registry, 'read' | 'readAll' | 'list'>;
  ledger: Pick<Ledger, 'read' | 'place'>;
  deliveries: Pick<Deliveries, 'read'>;
  sealer: Pick<Sealer, 'derive'>;
  now: Clock;
}

/** Which event, and for which subscription: the id as it was published, or as it was delivered. */
export interface Question {
  source: string;
  id: string;
  subscription: string;
}

/** What is known of an event and of its delivery, and by which of its ids it was asked for. */
interface Found {
  entry: LedgerEntry | undefined;
  delivery: Delivery | undefined;
  /** What is left of an event that was erased. */
  erased: { sequence: string; type: string } | undefined;
  by: 'published' | 'delivered';
}

/**
 * Why an event came to a subscription, or did not: for its consumer, and for the provider of its contract. Nothing is
 * told that the contract hides, nor of anybody else's; what was never accepted and what never was read the same to a
 * consumer.
 */
export async function explain(deps: ExplainDeps, caller: Caller, question: Question): Promise<Explanation> {
  const subscription = await deps.registry.read('subscription', question.subscription);
  const asks = subscription && roleOf(subscription, caller);
  if (!subscription || !asks) throw absent('subscription', question.subscription);
  const [found, standing] = await Promise.all([
    find(deps, subscription, question),
    standingOf(deps.registry, subscription),
  ]);
  const { entry, erased } = found;
  const delivery = shownTo(asks, found.delivery);
  const now = deps.now();
  const told = { coarse: coarse(standing, asks, found), now };
  if (erased && (asks === 'provider' || delivery || mayHaveMatched(erased, standing)))
    return ofErased(delivery, told);
  if (delivery) return ofDelivery(delivery, standing, told);
  if (!entry || (asks === 'consumer' && isOver(standing))) {
    const refused =
      asks === 'provider' &&
      !entry &&
      (await refusedPublication(deps.registry, caller.participant, question.id));
    return refused || UNKNOWN;
  }
  return whyNotMatched(deps, entry, subscription, standing, now);
}

function roleOf(
  { consumer, provider }: Subscription,
  { participant }: Caller,
): 'consumer' | 'provider' | undefined {
  if (consumer === participant) return 'consumer';
  return provider === participant ? 'provider' : undefined;
}

/** Told apart from what the filter did not let pass, it would tell its consumer what the contract hides. */
const shownTo = (asks: 'consumer' | 'provider', delivery: Delivery | undefined): Delivery | undefined =>
  delivery && asks === 'consumer' && isTelling(delivery.clause) ? undefined : delivery;

async function standingOf(
  registry: Pick<Registry, 'readAll'>,
  subscription: Subscription,
): Promise<Standing> {
  const [contract, dataset, provider, consumer] = await registry.readAll([
    { noun: 'contract', id: subscription.contract },
    { noun: 'dataset', id: subscription.dataset },
    { noun: 'participant', id: subscription.provider },
    { noun: 'participant', id: subscription.consumer },
  ] as const);
  return { subscription, contract, dataset, provider, consumer };
}

async function find(deps: ExplainDeps, subscription: Subscription, { source, id }: Question): Promise<Found> {
  const scope = { key: await deps.sealer.derive('pseudonyms'), contract: subscription.contract };
  const sequence = sequenceOf(scope, id);
  const [delivered] =
    sequence === undefined ? [] : await deps.deliveries.read([deliveryId(sequence, subscription.id)]);
  if (delivered?.event.source === source) {
    const erased = await erasedAt(deps, delivered.event.key);
    return { entry: undefined, delivery: delivered, erased, by: 'delivered' };
  }
  const key = eventKey(subscription.dataset, source, id);
  const [entry] = await deps.ledger.read([key], deps.now());
  const erased = entry ? undefined : await erasedAt(deps, key);
  const known = entry ?? erased;
  const [delivery] = known ? await deps.deliveries.read([deliveryId(known.sequence, subscription.id)]) : [];
  return { entry, delivery, erased, by: 'published' };
}

async function erasedAt({ ledger, now }: ExplainDeps, key: string): Promise<Found['erased']> {
  const place = await ledger.place(key, now());
  return place?.erased ? place : undefined;
}

/** Whether the subscription covered an event of which nothing is left but its type and time. */
function mayHaveMatched(
  { sequence, type }: { sequence: string; type: string },
  { subscription, contract }: Standing,
): boolean {
  return (
    contract?.state === 'active' &&
    coversType(contract, type) &&
    coversType(subscription, type) &&
    decodeTime(sequence) >= Date.parse(subscription?.createdAt ?? '')
  );
}

/**
 * Whether only the bare outcome is told: a consumer that gets pseudonyms and asks by a published id, which somebody else
 * may have told it, must not learn which of its deliveries that was.
 */
const coarse = ({ contract }: Standing, asks: 'consumer' | 'provider', { by }: Found): boolean =>
  asks === 'consumer' &&
  by === 'published' &&
  (contract?.terms.minimisation.some((clause) => clause.do === 'pseudonymise') ?? true);

/** Whether nothing more of the dataset is its consumer's business, not even what there is. */
const isOver = ({ contract }: Standing): boolean =>
  contract === undefined || ['terminated', 'expired', 'rejected'].includes(contract.state);
