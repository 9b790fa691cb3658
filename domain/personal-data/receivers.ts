import { decodeTime, encodeTime } from 'ulid';
import type { CloudEvent } from '../../events/cloudevent.ts';
import type { Contract } from '../../schemas/contract.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import type { Erasure } from '../../schemas/erasure.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import type { Notice } from '../../schemas/notice.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { eachApart, inTurn } from '../clock/apart.ts';
import { allItems, everyItem, overtaken } from '../control.ts';
import { minimise } from '../deliver/minimise.ts';
import { ERASED } from './in-flight.ts';
import { noticeType } from '../notices.ts';
import { eraseWithData } from '../payloads/erase.ts';
import type { Change, Clock, Deliveries, Ledger, Payloads, Registry, Sealer } from '../ports.ts';

/** How many contracts of the dataset one step looks through: what a request may take at most. */
const CONTRACTS_PER_STEP = 25;
/** How many notices one transaction holds beside the erasure and its audit entry. */
const NOTICES_PER_WRITE = 90;
/** So long after an erasure every request that had begun before it is over and recorded. */
export const ARRIVED_AFTER_MS = 5 * 60_000;

/** What finding the receivers of an event needs of the world. */
export interface FindDeps {
  registry: Pick<Registry, 'read' | 'readAll' | 'list' | 'write'>;
  ledger: Pick<Ledger, 'place' | 'erase'>;
  payloads: Pick<Payloads, 'remove' | 'names'>;
  deliveries: Pick<Deliveries, 'ofEvent' | 'replace'>;
  sealer: Pick<Sealer, 'derive'>;
  now: Clock;
}

/**
 * One step of an erasure: ends what of the event is pending and tells who received it, for some of the dataset's
 * contracts; answers the erasure as it then stands. Safe to repeat: notices have derived ids.
 */
export async function findReceivers(deps: FindDeps, erasure: Erasure): Promise<Erasure> {
  const { dataset, position } = erasure;
  const page = { limit: CONTRACTS_PER_STEP, ...(position !== undefined && { cursor: position }) };
  const { items, next } = await deps.registry.list('contractsOfDataset', { dataset }, page);
  const notices: Notice[] = [];
  for (const contract of items) notices.push(...(await endDeliveries(deps, erasure, contract)));
  const told = await tell(deps, erasure, notices);
  const { position: _, ...rest } = told;
  if (next !== null) return kept(deps, told, { ...rest, position: next });
  return kept(deps, told, rest.round === 1 ? { ...rest, round: 2 } : { ...rest, state: 'done' });
}

/**
 * Goes on with the open erasures, a step each, the datasets by turns, and with none once `goesOn` says no; answers how many
 * steps were made. None closes unless it may: before, the dead letters are to be looked through.
 */
export async function continueErasures(
  deps: FindDeps,
  now: Date,
  { mayClose, goesOn = () => true }: { mayClose: boolean; goesOn?: () => boolean },
): Promise<number> {
  let steps = 0;
  const open = await allItems((page) => deps.registry.list('erasuresOpen', {}, page));
  await eachApart(
    inTurn(open, ({ dataset }) => dataset, now),
    async (listed) => {
      const erasure = await deps.registry.read('erasure', listed.id);
      if (erasure?.state !== 'open') return;
      const hasArrived = now.getTime() >= Date.parse(erasure.at) + ARRIVED_AFTER_MS;
      if (erasure.round === 2 && !(mayClose && hasArrived)) return;
      // Who asked for it may not have come so far.
      await eraseWithData(deps, erasure, now);
      if (await unlessMoved(findReceivers(deps, erasure))) steps += 1;
    },
    goesOn,
  );
  return steps;
}

/** Ends the deliveries of the event under one contract; answers the notices to who received it. */
async function endDeliveries(deps: FindDeps, erasure: Erasure, contract: Contract): Promise<Notice[]> {
  const notices: Notice[] = [];
  const subscriptions = everyItem<Subscription>((page) =>
    deps.registry.list('subscriptionsOfContract', { contract: contract.id }, page),
  );
  for await (const { id } of subscriptions) {
    for (const delivery of await deps.deliveries.ofEvent(id, erasure.sequence)) {
      if (wasReceived(delivery)) notices.push(await noticeOf(deps, erasure, contract, delivery));
      await end(deps, delivery);
    }
  }
  return notices;
}

/** Whether a receiver may have the event: an attempt that failed may have been read all the same. */
const wasReceived = ({ status, attemptCount }: Delivery): boolean =>
  status === 'delivered' || status === 'available' || attemptCount > 0;

/** A delivery without what receivers answered, which may repeat the event; pending no more. */
async function end(deps: FindDeps, delivery: Delivery): Promise<void> {
  const attempts = delivery.attempts.map(({ answer: _, ...attempt }) => attempt);
  const over = ['delivered', 'gone', 'erased'].includes(delivery.status);
  const { dueAt: _, ...rest } = delivery;
  const item: Delivery = {
    ...rest,
    attempts,
    ...(!over && { status: 'erased', verdict: ERASED.kind, clause: ERASED.clause }),
    updatedAt: deps.now().toISOString(),
  };
  // What moved in this very moment is met again in the second round.
  await deps.deliveries.replace(delivery, item);
}

async function noticeOf(
  deps: FindDeps,
  erasure: Erasure,
  contract: Contract,
  delivery: Delivery,
): Promise<Notice> {
  const id = `${ID_PREFIXES.notice}${encodeTime(Date.parse(erasure.at), 10)}${delivery.id.slice(-16)}`;
  return {
    id,
    participant: contract.consumer,
    type: noticeType.eventErased,
    subject: erasure.id,
    time: deps.now().toISOString(),
    data: {
      erasure: erasure.id,
      dataset: erasure.dataset,
      contract: contract.id,
      subscription: delivery.subscription,
      delivery: delivery.id,
      event: await deliveredName(deps, erasure, contract),
      erasedAt: erasure.at,
      acknowledge: `/v1/notices/${id}/ack`,
    },
  };
}

/** The event's names as this consumer got them: where the contract pseudonymises, the id is another one. */
async function deliveredName(
  deps: Pick<FindDeps, 'sealer'>,
  { event: id, source, type, sequence }: Erasure,
  { id: contract, terms }: Contract,
): Promise<Pick<CloudEvent, 'id' | 'source' | 'type'>> {
  const hides = terms.minimisation.some((clause) => clause.do === 'pseudonymise');
  if (!hides) return { id, source, type };
  const scope = {
    key: await deps.sealer.derive('pseudonyms'),
    contract,
    acceptedAt: new Date(decodeTime(sequence)),
    sequence,
  };
  const seen = minimise({ specversion: '1.0', id, source, type }, terms.minimisation, scope);
  return { id: seen.id, source, type };
}

/** Sends the notices that were not sent yet, each group together with its count. */
async function tell(deps: FindDeps, before: Erasure, notices: Notice[]): Promise<Erasure> {
  let erasure = before;
  for (let start = 0; start < notices.length; start += NOTICES_PER_WRITE) {
    const some = notices.slice(start, start + NOTICES_PER_WRITE);
    const sent = await deps.registry.readAll(some.map(({ id }) => ({ noun: 'notice', id }) as const));
    const fresh = some.filter((_, index) => sent[index] === undefined);
    if (fresh.length === 0) continue;
    const changes = fresh.map((item): Change => ({ do: 'create', noun: 'notice', item }));
    erasure = await kept(deps, erasure, { ...erasure, told: erasure.told + fresh.length }, changes);
  }
  return erasure;
}

/** Keeps an erasure's progress together with what it tells. */
async function kept(deps: FindDeps, before: Erasure, item: Erasure, more: Change[] = []): Promise<Erasure> {
  const written = await deps.registry.write([{ do: 'replace', noun: 'erasure', before, item }, ...more]);
  if (!written) throw overtaken('erasure', before.id);
  return item;
}

/** Undefined where somebody else went on with the erasure, or acknowledged it, in this moment: the next step finds it. */
export const unlessMoved = (step: Promise<Erasure>): Promise<Erasure | undefined> =>
  step.catch((error: unknown) => {
    if (error instanceof ProblemError && error.problem.kind === 'conflict') return undefined;
    throw error;
  });
