import canonicalize from 'canonicalize';
import type {
  Change,
  Clock,
  Listing,
  Listings,
  Noun,
  Nouns,
  Page,
  PageRequest,
  Ref,
  Registry,
} from '../../domain/ports.ts';
import { cursorAt, placeOf } from '../cursor.ts';
import { isPast } from '../expiry.ts';
import { idOf, listName, placesOf, publishableOf, SHELVES } from '../listings.ts';

/** What is kept of a thing: canonical JSON, so that nobody can change it from outside and equal contents are equal texts. */
interface Kept {
  noun: Noun;
  content: string;
  /** The lists in which it stands, and its place in each. */
  lists: Map<string, string>;
  expires: number | undefined;
}
type Store = Map<string, Kept>;

const MOST_CHANGES = 100;
const at = (noun: Noun, id: string): string => `${noun}#${id}`;
const contentOf = (item: object): string => canonicalize(item) ?? '';

/** The registry in memory. */
export function memoryRegistry({ clock = () => new Date() }: { clock?: Clock } = {}): Registry {
  const store: Store = new Map();
  const standing = (kept: Kept | undefined): kept is Kept =>
    kept !== undefined && !isPast(kept.expires, clock());
  const read = <N extends Noun>(noun: N, id: string): Nouns[N] | undefined => {
    const kept = store.get(at(noun, id));
    // Safe: what is kept under a noun's name was written as one.
    return standing(kept) ? (JSON.parse(kept.content) as Nouns[N]) : undefined;
  };
  return {
    read: async (noun, id) => read(noun, id),

    async readAll<const R extends readonly Ref[]>(refs: R) {
      return refs.map(({ noun, id }) => read(noun, id)) as {
        -readonly [I in keyof R]: Nouns[R[I]['noun']] | undefined;
      };
    },

    list: async (listing, by, page) => listPage([...store.values()].filter(standing), listing, by, page),

    async write(changes) {
      // A dataset counts twice, as in a store that writes its publishable types beside it.
      const size =
        changes.length +
        changes.filter((change) => change.noun === 'dataset' && change.do !== 'expect').length;
      if (size > MOST_CHANGES) throw new RangeError(`${size} changes are more than a transaction takes`);
      if (!changes.every((change) => holds(store, standing, change))) return false;
      for (const change of changes) apply(store, change);
      return true;
    },

    async publishable(provider) {
      const name = listName('datasetsOfProvider', { provider });
      const kept = [...store.values()]
        .filter(({ lists }) => lists.has(name))
        .sort((a, b) => compare(a.lists.get(name), b.lists.get(name)));
      return kept.flatMap(({ content }) => publishableOf(JSON.parse(content) as Nouns['dataset']));
    },
  };
}

function holds(store: Store, standing: (kept: Kept | undefined) => boolean, change: Change): boolean {
  if (change.do === 'remove') return true;
  if (change.do === 'create') return !standing(store.get(at(change.noun, idOf(change.noun, change.item))));
  return store.get(at(change.noun, idOf(change.noun, change.before)))?.content === contentOf(change.before);
}

function apply(store: Store, change: Change): void {
  if (change.do === 'expect') return;
  if (change.do === 'remove') {
    store.delete(at(change.noun, change.id));
    return;
  }
  const { noun, item } = change;
  store.set(at(noun, idOf(noun, item)), {
    noun,
    content: contentOf(item),
    lists: new Map(placesOf(noun, item).map(({ listing, by, order }) => [[listing, ...by].join('#'), order])),
    expires: 'expires' in item ? item.expires : undefined,
  });
}

function listPage<L extends Listing>(
  kept: Kept[],
  listing: L,
  by: Listings[L]['by'],
  { limit, cursor, after: begin }: PageRequest,
): Page<Nouns[Listings[L]['noun']]> {
  const name = listName(listing, by);
  const sign = SHELVES[listing].newestFirst && begin === undefined ? -1 : 1;
  const after = cursor === undefined ? begin : placeOf(name, cursor);
  const rest = kept
    .flatMap(({ content, lists }) => {
      const order = lists.get(name);
      const isLater = order !== undefined && (after === undefined || sign * compare(order, after) > 0);
      return isLater ? [{ content, order }] : [];
    })
    .sort((a, b) => sign * compare(a.order, b.order));
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ content }) => JSON.parse(content) as Nouns[Listings[L]['noun']]),
    next: last && rest.length > limit ? cursorAt(name, last.order) : null,
  };
}

const compare = (a: string | undefined = '', b: string | undefined = ''): number =>
  a === b ? 0 : a < b ? -1 : 1;
