import type { Listing, Noun, Nouns } from '../../domain/ports.ts';
import { placesOf } from '../listings.ts';
import type { Row } from './batch.ts';

/** The table's global secondary indexes, each with `{name}pk` and `{name}sk`, everything projected. */
export type Index = 'gsi1' | 'gsi2' | 'gsi3' | 'gsi4' | 'gsi5' | 'gsi6' | 'gsi7';

/** Which index keeps which list. */
export const INDEXES = {
  participants: 'gsi1',
  keysOfParticipant: 'gsi1',
  keysOfDpos: 'gsi2',
  datasets: 'gsi1',
  datasetsOfProvider: 'gsi2',
  datasetsToAnnounce: 'gsi4',
  datasetsWithPersonalData: 'gsi3',
  schemasOfType: 'gsi1',
  contractsOfProvider: 'gsi1',
  contractsOfConsumer: 'gsi2',
  contractsOfDataset: 'gsi3',
  contractsDue: 'gsi4',
  contractsOfProviderInState: 'gsi5',
  contractsOfConsumerInState: 'gsi6',
  contractsInState: 'gsi7',
  subscriptions: 'gsi1',
  subscriptionsOfConsumer: 'gsi2',
  subscriptionsOfContract: 'gsi3',
  subscriptionsToTend: 'gsi4',
  noticesOfParticipant: 'gsi1',
  channels: 'gsi1',
  publicationsOfParticipant: 'gsi1',
  schemaPlans: 'gsi1',
  replaysOfSubscription: 'gsi1',
  replaysRunning: 'gsi2',
  uploadsUnswept: 'gsi1',
  erasuresOfDataset: 'gsi1',
  erasuresOpen: 'gsi2',
  noticesOfErasure: 'gsi2',
  auditOfDay: 'gsi1',
  auditOfParticipant: 'gsi2',
  auditOfThing: 'gsi3',
} as const satisfies Record<Listing, Index>;

/** The primary key of a thing of the registry. */
export const keyOf = (noun: Noun, id: string): { pk: { S: string }; sk: { S: string } } => ({
  pk: { S: `${noun}#${id}` },
  sk: { S: noun },
});

/** The partition of what a provider may publish. */
export const publishablePartition = (provider: string): string => `publishable#${provider}`;

/** The index attributes by which a thing's lists find it: the list's name with what selects it, then its order. */
export function indexKeysOf<N extends Noun>(noun: N, item: Nouns[N]): Row {
  const row: Row = {};
  for (const { listing, by, order } of placesOf(noun, item)) {
    row[`${INDEXES[listing]}pk`] = { S: [listing, ...by].join('#') };
    row[`${INDEXES[listing]}sk`] = { S: order };
  }
  return row;
}
