import type { Listing, Listings, Nouns, Page, PageRequest } from '../../domain/ports.ts';
import { cursorAt, placeOf } from '../cursor.ts';
import { isPast } from '../expiry.ts';
import { listName, placeIn, SHELVES } from '../listings.ts';
import type { Table } from './batch.ts';
import { audits } from './entities/audit.ts';
import { contracts } from './entities/contract.ts';
import { datasets, plans, schemas } from './entities/dataset.ts';
import { erasures } from './entities/erasure.ts';
import { channels, notices, publications } from './entities/notice.ts';
import { keys, participants } from './entities/participant.ts';
import { replays } from './entities/replay.ts';
import { subscriptions } from './entities/subscription.ts';
import { uploads } from './entities/upload.ts';

/** What a list's query answers, as far as this file reads it. */
interface Found {
  data: { item: string; expires?: number | undefined }[];
  cursor: string | null;
}
interface Sent {
  go(options: {
    client: Table['client'];
    table: string;
    limit: number;
    pages: 1;
    order: 'asc' | 'desc';
  }): Promise<Found>;
}
interface Query extends Sent {
  gt(after: { order: string }): Sent;
  lt(before: { order: string }): Sent;
}

const QUERIES: { [L in Listing]: (by: Listings[L]['by']) => Query } = {
  participants: () => participants.query.all({}),
  keysOfParticipant: (by) => keys.query.ofParticipant(by),
  keysOfDpos: () => keys.query.ofDpos({}),
  datasets: () => datasets.query.all({}),
  datasetsToAnnounce: () => datasets.query.toAnnounce({}),
  datasetsOfProvider: (by) => datasets.query.ofProvider(by),
  datasetsWithPersonalData: () => datasets.query.withPersonalData({}),
  schemasOfType: (by) => schemas.query.ofType(by),
  contractsOfProvider: (by) => contracts.query.ofProvider(by),
  contractsOfConsumer: (by) => contracts.query.ofConsumer(by),
  contractsDue: () => {
    const due = contracts.query.due({});
    return {
      go: (options) => due.go(options),
      gt: ({ order }) => due.gt({ due: order }),
      lt: ({ order }) => due.lt({ due: order }),
    };
  },
  contractsOfDataset: (by) => contracts.query.ofDataset(by),
  contractsOfProviderInState: (by) => contracts.query.ofProviderInState(by),
  contractsOfConsumerInState: (by) => contracts.query.ofConsumerInState(by),
  contractsInState: (by) => {
    const inState = contracts.query.inState(by);
    return {
      go: (options) => inState.go(options),
      gt: ({ order }) => inState.gt({ ofDatasetInState: order }),
      lt: ({ order }) => inState.lt({ ofDatasetInState: order }),
    };
  },
  subscriptions: () => subscriptions.query.all({}),
  subscriptionsToTend: () => subscriptions.query.toTend({}),
  subscriptionsOfConsumer: (by) => subscriptions.query.ofConsumer(by),
  subscriptionsOfContract: (by) => subscriptions.query.ofContract(by),
  noticesOfParticipant: (by) => notices.query.ofParticipant(by),
  channels: () => channels.query.all({}),
  publicationsOfParticipant: (by) => publications.query.ofParticipant(by),
  schemaPlans: () => plans.query.all({}),
  replaysOfSubscription: (by) => replays.query.ofSubscription(by),
  replaysRunning: () => replays.query.running({}),
  uploadsUnswept: () => uploads.query.unswept({}),
  erasuresOfDataset: (by) => erasures.query.ofDataset(by),
  erasuresOpen: () => erasures.query.open({}),
  noticesOfErasure: (by) => notices.query.ofErasure(by),
  auditOfDay: (by) => audits.query.ofDay(by),
  auditOfParticipant: (by) => audits.query.ofParticipant(by),
  auditOfThing: (by) => audits.query.ofThing(by),
};

/** A page of a list in one query, whatever the list's length; one item more than asked for tells whether it ends. */
export async function listPage<L extends Listing>(
  at: Table,
  now: Date,
  listing: L,
  by: Listings[L]['by'],
  page: PageRequest,
): Promise<Page<Nouns[Listings[L]['noun']]>> {
  const newestFirst = SHELVES[listing].newestFirst && page.after === undefined;
  const name = listName(listing, by);
  const query = QUERIES[listing](by);
  const order = page.cursor === undefined ? page.after : placeOf(name, page.cursor);
  const rest = order === undefined ? query : newestFirst ? query.lt({ order }) : query.gt({ order });
  const { data, cursor } = await rest.go({
    ...at,
    limit: page.limit + 1,
    pages: 1,
    order: newestFirst ? 'desc' : 'asc',
  });
  // Safe: what an entity of this noun holds is written by `rowOfItem` only.
  const shown = data
    .slice(0, page.limit)
    .map((row) => ({ row, item: JSON.parse(row.item) as Nouns[Listings[L]['noun']] }));
  const last = shown.at(-1);
  // A page ends early where its rows reach 1 MB: then only ElectroDB's cursor tells that there is more.
  const more = data.length > page.limit || cursor !== null;
  return {
    items: shown.flatMap(({ row, item }) => (isPast(row.expires, now) ? [] : [item])),
    next: last && more ? cursorAt(name, placeIn(listing, last.item)) : null,
  };
}
