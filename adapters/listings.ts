import { dueAt } from '../domain/contracts/due.ts';
import type { Listing, Listings, Noun, Nouns } from '../domain/ports.ts';
import type { Dataset, PublishableType } from '../schemas/dataset.ts';
import type { Subscription } from '../schemas/subscription.ts';
import { schemaId } from '../schemas/schema-id.ts';
import { ID_PREFIXES } from '../schemas/id-prefixes.ts';

/** How a list is kept: of which noun, what selects it, from which end it is read, and what is left out of it. */
export interface Shelf<L extends Listing> {
  noun: Listings[L]['noun'];
  by: readonly (keyof Listings[L]['by'] & string)[];
  newestFirst?: true;
  only?: (item: Nouns[Listings[L]['noun']]) => boolean;
  /** By what it is ordered where not by id; no two things have the same. */
  order?: (item: Nouns[Listings[L]['noun']]) => string;
}

/** All lists of the registry. */
export const SHELVES: { readonly [L in Listing]: Shelf<L> } = {
  participants: { noun: 'participant', by: [] },
  keysOfParticipant: { noun: 'key', by: ['participant'] },
  keysOfDpos: { noun: 'key', by: [], only: ({ role }) => role === 'dpo' },
  datasets: { noun: 'dataset', by: [] },
  datasetsToAnnounce: { noun: 'dataset', by: [], only: isToAnnounce },
  datasetsOfProvider: { noun: 'dataset', by: ['provider'] },
  datasetsWithPersonalData: { noun: 'dataset', by: [], only: ({ personalData }) => personalData },
  schemasOfType: { noun: 'schema', by: ['dataset', 'type'] },
  contractsOfProvider: { noun: 'contract', by: ['provider'] },
  contractsOfConsumer: { noun: 'contract', by: ['consumer'] },
  contractsOfDataset: { noun: 'contract', by: ['dataset'] },
  contractsOfProviderInState: { noun: 'contract', by: ['provider', 'state'] },
  contractsOfConsumerInState: { noun: 'contract', by: ['consumer', 'state'] },
  contractsInState: { noun: 'contract', by: ['state'], order: ({ dataset, id }) => `${dataset}/${id}` },
  contractsDue: {
    noun: 'contract',
    by: [],
    only: (contract) => dueAt(contract) !== undefined,
    order: (contract) => `${dueAt(contract) ?? ''} ${contract.id}`,
  },
  subscriptions: { noun: 'subscription', by: [] },
  subscriptionsToTend: { noun: 'subscription', by: [], only: isTended },
  subscriptionsOfConsumer: { noun: 'subscription', by: ['consumer'] },
  subscriptionsOfContract: { noun: 'subscription', by: ['contract'] },
  noticesOfParticipant: { noun: 'notice', by: ['participant'], newestFirst: true },
  channels: { noun: 'channel', by: [], only: ({ status }) => status !== 'disabled' },
  publicationsOfParticipant: { noun: 'publication', by: ['participant'], newestFirst: true },
  schemaPlans: { noun: 'schemaPlan', by: [] },
  replaysOfSubscription: { noun: 'replay', by: ['subscription'], newestFirst: true },
  replaysRunning: { noun: 'replay', by: [], only: ({ status }) => status === 'running' },
  uploadsUnswept: { noun: 'upload', by: [], only: ({ swept }) => !swept },
  erasuresOfDataset: { noun: 'erasure', by: ['dataset'], newestFirst: true },
  erasuresOpen: { noun: 'erasure', by: [], only: ({ state }) => state === 'open' },
  noticesOfErasure: {
    noun: 'notice',
    by: ['subject'],
    newestFirst: true,
    only: ({ subject }) => subject.startsWith(ID_PREFIXES.erasure),
  },
  auditOfDay: { noun: 'audit', by: ['day'], newestFirst: true },
  auditOfParticipant: { noun: 'audit', by: ['participant'], newestFirst: true },
  auditOfThing: { noun: 'audit', by: ['about'], newestFirst: true },
};

/** Its offer has changed, or it ends, and that is not done or not told yet. */
function isToAnnounce({ offerChangedAt, retirement, status }: Dataset): boolean {
  return (
    offerChangedAt !== undefined || (retirement !== undefined && (status === 'active' || !retirement.told))
  );
}

/** Archives are written by the clock; an ended one has nothing left to write. */
function isTended({ rule, circuit, destination, status }: Subscription): boolean {
  return !rule.settled || circuit !== undefined || (destination.kind === 's3' && status !== 'ended');
}

/** The id of a thing of the registry, as a reference has it. */
export function idOf<N extends Noun>(noun: N, item: Nouns[N]): string {
  // Safe: the compiler does not narrow a generic union by its name.
  if (noun === 'schema') {
    const { dataset, type, version } = item as Nouns['schema'];
    return schemaId(dataset, type, version);
  }
  return (item as Exclude<Nouns[Noun], Nouns['schema']>).id;
}

/** By what a thing is ordered within its lists: its id; a schema by its version. */
export function orderOf<N extends Noun>(noun: N, item: Nouns[N]): string {
  return noun === 'schema' ? String((item as Nouns['schema']).version).padStart(9, '0') : idOf(noun, item);
}

/** The place of a thing within a list. */
export const placeIn = <L extends Listing>(listing: L, item: Nouns[Listings[L]['noun']]): string => {
  const shelf: Shelf<L> = SHELVES[listing];
  return shelf.order?.(item) ?? orderOf(shelf.noun, item);
};

/** The lists in which a thing stands, with what selects them, and where: `contractsOfProvider`, `['bouygues']`. */
export function placesOf<N extends Noun>(
  noun: N,
  item: Nouns[N],
): { listing: Listing; by: string[]; order: string }[] {
  return (Object.keys(SHELVES) as Listing[]).flatMap((listing) => {
    // Safe: below the test, the list is one of this noun, and what selects it are texts of the noun.
    const shelf = SHELVES[listing] as unknown as {
      noun: Noun;
      by: (keyof Nouns[N])[];
      only?: (item: Nouns[N]) => boolean;
      order?: (item: Nouns[N]) => string;
    };
    if (shelf.noun !== noun || shelf.only?.(item) === false) return [];
    const order = shelf.order?.(item) ?? orderOf(noun, item);
    return [{ listing, by: shelf.by.map((name) => item[name] as string), order }];
  });
}

/** The name of one list: the listing with what selects it. */
export function listName<L extends Listing>(listing: L, by: Listings[L]['by']): string {
  const shelf: Shelf<L> = SHELVES[listing];
  return [listing, ...shelf.by.map((name) => by[name])].join('#');
}

/** What the doors in need to know of a dataset: one line for each of its types. */
export function publishableOf(dataset: Dataset): PublishableType[] {
  const { id, provider, retentionDays, status } = dataset;
  return dataset.types.map(({ type, schemaVersion }) => ({
    provider,
    dataset: id,
    type,
    schemaVersion,
    retentionDays,
    retired: status === 'retired',
  }));
}
