import { eventKey } from '../../events/key.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Erasure } from '../../schemas/erasure.ts';
import type { Notice } from '../../schemas/notice.ts';
import type { Caller } from '../../schemas/participant.ts';
import type { Territory } from '../../schemas/territory.ts';
import { absent, type ControlDeps, overtaken } from '../control.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import { deliveryId } from '../deliver/identity.ts';
import { eraseWithData } from '../payloads/erase.ts';
import type { Ledger, Page, PageRequest, Registry } from '../ports.ts';
import { withErased } from './in-flight.ts';
import { findReceivers, type FindDeps, unlessMoved } from './receivers.ts';

/** How often two erasures of one dataset in the same moment give way to each other. */
const TRIES = 5;
/** How many of those who were told are shown with an erasure. */
const RECIPIENTS_SHOWN = 200;

/** What erasing needs of the world. */
export interface EraseDeps extends ControlDeps, Omit<FindDeps, 'registry' | 'now'> {
  ledger: Pick<Ledger, 'place' | 'read' | 'erase'>;
  territory: Pick<Territory, 'id'>;
}

/** Which event: as its provider published it. A source left out is the provider's own. */
export interface EventName {
  source?: string | undefined;
  id: string;
  reason?: string | undefined;
}

/** Who got an erased event, and whether they have acknowledged. */
export interface Recipient {
  participant: string;
  subscription: unknown;
  delivery: unknown;
  notice: string;
  toldAt: string;
  acknowledgedAt: string | null;
}

/** An erasure as shown. */
export type ErasureView = Omit<Erasure, 'key' | 'sequence' | 'position' | 'round'> & {
  recipients: Recipient[];
};

/**
 * Erases an event of a dataset: from now on no copy of it leaves the mesh, its tombstone holds no data, and everyone
 * who received it is told. The registry says so first, which stops what is on its way. Repeated, it is the same erasure.
 */
export async function eraseEvent(
  deps: EraseDeps,
  caller: Caller,
  dataset: string,
  { source, id, reason }: EventName,
): Promise<ErasureView> {
  const owned = await ownDataset(deps.registry, caller, dataset);
  const published = source ?? `//${deps.territory.id}/${owned.provider}`;
  const key = eventKey(dataset, published, id);
  const place = await deps.ledger.place(key, deps.now());
  if (!place) throw absent('event', id);
  const { sequence, type } = place;
  const stated = {
    id: erasureId(sequence, key),
    dataset,
    key,
    sequence,
    source: published,
    event: id,
    type,
    by: caller.participant,
    ...(reason !== undefined && { reason }),
  };
  const known = (await deps.registry.read('erasure', stated.id)) ?? (await open(deps, stated));
  await eraseWithData(deps, { key, sequence }, deps.now());
  // Who was found is told now; for those who are left the clock goes on.
  const erasure = known.round === 1 ? await unlessMoved(findReceivers(deps, known)) : known;
  return viewOf(deps.registry, erasure ?? known);
}

/** Derived, so that an event is erased once, whoever asks how often. */
const erasureId = (sequence: string, key: string): string =>
  ID_PREFIXES.erasure + deliveryId(sequence, key, 'erasure').slice(ID_PREFIXES.delivery.length);

async function open(
  { registry, now }: Pick<EraseDeps, 'registry' | 'now'>,
  stated: Omit<Erasure, 'at' | 'state' | 'round' | 'told' | 'acknowledged'>,
): Promise<Erasure> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const at = now();
    const [there, before] = await registry.readAll([
      { noun: 'erasure', id: stated.id },
      { noun: 'erased', id: stated.dataset },
    ] as const);
    if (there) return there;
    const item: Erasure = {
      ...stated,
      at: at.toISOString(),
      state: 'open',
      round: 1,
      told: 0,
      acknowledged: 0,
    };
    const keys = withErased(before, stated.dataset, stated.key, at);
    const written = await registry.write([
      { do: 'create', noun: 'erasure', item },
      before
        ? { do: 'replace', noun: 'erased', before, item: keys }
        : { do: 'create', noun: 'erased', item: keys },
    ]);
    if (written) return item;
  }
  throw overtaken('dataset', stated.dataset);
}

/** The erasures of a dataset, newest event first, each with who received it and who has acknowledged. */
export async function listErasures(
  registry: Pick<Registry, 'read' | 'list'>,
  caller: Caller,
  dataset: string,
  page: PageRequest,
): Promise<Page<ErasureView>> {
  await ownDataset(registry, caller, dataset, ['dpo', 'operator']);
  const { items, next } = await registry.list('erasuresOfDataset', { dataset }, page);
  return { items: await Promise.all(items.map((erasure) => viewOf(registry, erasure))), next };
}

async function viewOf(registry: Pick<Registry, 'list'>, erasure: Erasure): Promise<ErasureView> {
  const { key: _, sequence: __, position: ___, round: ____, ...view } = erasure;
  const told = await registry.list('noticesOfErasure', { subject: erasure.id }, { limit: RECIPIENTS_SHOWN });
  return { ...view, recipients: told.items.map(recipientOf) };
}

const recipientOf = ({ id, participant, data, time, acknowledgedAt }: Notice): Recipient => ({
  participant,
  subscription: data['subscription'],
  delivery: data['delivery'],
  notice: id,
  toldAt: time,
  acknowledgedAt: acknowledgedAt ?? null,
});

/** A dataset of the caller's, or any for the DPO; another one's is not there. */
async function ownDataset(
  registry: Pick<Registry, 'read'>,
  { participant, roles }: Caller,
  id: string,
  also: readonly Caller['roles'][number][] = ['dpo'],
): Promise<Dataset> {
  const dataset = await registry.read('dataset', id);
  const may = dataset?.provider === participant || roles.some((role) => also.includes(role));
  if (!dataset || !may) throw absent('dataset', id);
  return dataset;
}
