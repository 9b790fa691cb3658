import { decodeTime } from 'ulid';
import type { Delivery, DeliveryStatus } from '../../schemas/delivery.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { wakeUp } from '../clock/release.ts';
import { bindingAt } from '../contracts/due.ts';
import { absent, tightPage } from '../control.ts';
import { deliveredId, deliveredSequence } from '../deliver/pseudonym.ts';
import { isTelling, tellingFilter } from '../deliver/verdict.ts';
import type { Page, PageRequest, Sealer } from '../ports.ts';
import { strangeCursor } from '../whole-list.ts';
import { liveSubscription, ownSubscription, type SubscriptionDeps } from './deps.ts';

/** A delivery as its consumer sees it. */
export type DeliveryView = Omit<Delivery, 'event' | 'expires'> & { event: Omit<Delivery['event'], 'key'> };

/** What reading deliveries needs of the world. */
export interface ReadingDeps extends Pick<SubscriptionDeps, 'registry' | 'deliveries' | 'now'> {
  sealer: Pick<Sealer, 'derive'>;
}

/** The deliveries of a subscription of the caller's, newest event first. */
export async function listDeliveries(
  deps: ReadingDeps,
  caller: Caller,
  id: string,
  query: { status?: DeliveryStatus | undefined; since?: string | undefined },
  page: PageRequest,
): Promise<Page<DeliveryView>> {
  const subscription = await ownSubscription(deps.registry, caller, id);
  const { scope, oldest } = await sightOf(deps, subscription);
  const since = Math.max(oldest, query.since === undefined ? 0 : Date.parse(query.since));
  const asked = {
    ...(query.status !== undefined && { status: query.status }),
    ...(since > 0 && { since: new Date(since) }),
  };
  const { items, next } = await tightPage((some) => deps.deliveries.list(id, asked, some), page, isShown);
  return { items: items.map((delivery) => viewOf(delivery, scope)), next };
}

/** Not what a filter picked of what the contract hides: that such a delivery is there would tell it. */
const isShown = ({ clause }: Delivery): boolean => !isTelling(clause);

/** One delivery to a subscription of the caller's. */
export async function getDelivery(deps: ReadingDeps, caller: Caller, id: string): Promise<DeliveryView> {
  const { delivery, subscription } = await ownDelivery(deps, caller, id);
  const { scope, oldest } = await sightOf(deps, subscription);
  if (decodeTime(delivery.event.sequence) < oldest) throw absent('delivery', id);
  return viewOf(delivery, scope);
}

/** Sends a parked or withheld delivery again; what the contract says of it is asked anew. */
export async function retryDelivery(
  deps: SubscriptionDeps & ReadingDeps,
  caller: Caller,
  id: string,
): Promise<DeliveryView> {
  const { delivery, subscription } = await ownDelivery(deps, caller, id);
  if (subscription.status === 'ended') throw new ProblemError('conflict', 'Its subscription has ended');
  if (!RECOVERABLE.some((status) => status === delivery.status)) {
    throw new ProblemError(
      'conflict',
      `The delivery ${id} is ${delivery.status}: only parked and withheld ones go again`,
    );
  }
  await deps.queue.send([{ message: wakeUp(delivery, subscription), delaySeconds: 0 }]);
  return viewOf(delivery, (await sightOf(deps, subscription)).scope);
}

/**
 * Sends what was parked or withheld since an instant again, under the gate: the parked ones first, each kind newest first. At
 * most {@link MAX_RECOVERED} at a time and for some seconds: where `more` says that there may be others, the next call goes
 * on from `next`. What a filter withheld that told what the contract hides goes along once it tells it no more, uncounted.
 */
export async function recover(
  deps: SubscriptionDeps,
  caller: Caller,
  id: string,
  since: string,
  from?: string,
): Promise<{ recovered: number; more: boolean; next: string | null }> {
  const subscription = await liveSubscription(deps.registry, caller, id);
  const now = deps.now();
  const until = now.getTime() + RECOVERING_MS;
  const contract = await deps.registry.read('contract', subscription.contract);
  const today = contract && bindingAt(contract, now);
  const tells = tellingFilter({ subscription, contract: today }) !== undefined;
  let place: RecoveryPlace | undefined = placeIn(from);
  let [sent, recovered] = [0, 0];
  while (place && sent < MAX_RECOVERED && deps.now().getTime() < until) {
    const { status, cursor }: RecoveryPlace = place;
    const page: Page<Delivery> = await deps.deliveries.list(
      id,
      { status, since: new Date(since) },
      { limit: 200, ...(cursor !== '' && { cursor }) },
    );
    const going = tells ? page.items.filter(isShown) : page.items;
    const messages = going.map((delivery) => ({
      message: wakeUp(delivery, subscription),
      delaySeconds: 0,
    }));
    if (messages.length > 0) await deps.queue.send(messages);
    sent += messages.length;
    recovered += going.filter(isShown).length;
    place = behind(status, page.next);
  }
  return { recovered, more: place !== undefined, next: place ? `${place.status}.${place.cursor}` : null };
}

/** Where a recovery goes on: in the deliveries of one status, from a cursor of their list. */
interface RecoveryPlace {
  status: (typeof RECOVERABLE)[number];
  cursor: string;
}

function placeIn(from: string | undefined): RecoveryPlace {
  const [, named, cursor = ''] = /^(\w+)\.(.*)$/.exec(from ?? `${RECOVERABLE[0]}.`) ?? [];
  const status = RECOVERABLE.find((one) => one === named);
  if (!status) throw strangeCursor();
  return { status, cursor };
}

function behind(status: RecoveryPlace['status'], next: string | null): RecoveryPlace | undefined {
  if (next !== null) return { status, cursor: next };
  const following = RECOVERABLE[RECOVERABLE.indexOf(status) + 1];
  return following && { status: following, cursor: '' };
}

/** The most deliveries that one call of {@link recover} sends, and for how long: it ends before its caller gives up. */
export const MAX_RECOVERED = 2000;
const RECOVERING_MS = 15_000;

const RECOVERABLE = ['parked', 'withheld'] as const;

async function ownDelivery(
  deps: Pick<SubscriptionDeps, 'registry' | 'deliveries'>,
  caller: Caller,
  id: string,
): Promise<{ delivery: Delivery; subscription: Subscription }> {
  const [delivery] = await deps.deliveries.read([id]);
  const subscription = delivery && (await deps.registry.read('subscription', delivery.subscription));
  const own = subscription?.consumer === caller.participant;
  if (!delivery || !own || !isShown(delivery)) throw absent('delivery', id);
  return { delivery, subscription };
}

/**
 * What a consumer sees of its deliveries: where a contract pseudonymises, an event by the id and sequence that were
 * delivered; and nothing that the dataset's present retention no longer covers, whenever it is deleted.
 */
async function sightOf(
  { registry, sealer, now }: ReadingDeps,
  { contract: id, dataset: of }: Subscription,
): Promise<{ scope: IdentityScope | undefined; oldest: number }> {
  const [contract, dataset] = await registry.readAll([
    { noun: 'contract', id },
    { noun: 'dataset', id: of },
  ] as const);
  const hidden = contract?.terms.minimisation.some((clause) => clause.do === 'pseudonymise') ?? true;
  const scope = hidden ? { key: await sealer.derive('pseudonyms'), contract: id } : undefined;
  return { scope, oldest: dataset ? now().getTime() - dataset.retentionDays * DAY_MS : 0 };
}

const DAY_MS = 86_400_000;

interface IdentityScope {
  key: Buffer;
  contract: string;
}

function viewOf(
  { event, expires: _, ...delivery }: Delivery,
  scope: IdentityScope | undefined,
): DeliveryView {
  const { sequence, type, id, source } = event;
  if (!scope) return { ...delivery, event: { sequence, type, id, source } };
  const own = { ...scope, sequence };
  return { ...delivery, event: { sequence: deliveredSequence(own), type, id: deliveredId(own), source } };
}
