import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Noun, Nouns } from '../../domain/ports.ts';
import { idOf, orderOf, SHELVES } from '../listings.ts';
import { type Row, textOf } from './batch.ts';
import { indexKeysOf, keyOf } from './keys.ts';

/** The digest of a thing's content, by which a condition knows whether it is still what was read. */
export const etagOf = (content: string): string => createHash('sha256').update(content).digest('base64url');

/** A thing's content as stored: canonical JSON, so that the order of its members never makes a difference. */
export function contentOf(item: object): string {
  const content = canonicalize(item);
  if (content === undefined) throw new TypeError('what is no JSON cannot be kept');
  return content;
}

/**
 * A thing of the registry as a row: keys, what ElectroDB knows its entity by, what selects its lists, and its content
 * as one text, which costs less to read than a tree of attribute values.
 */
export function rowOfItem<N extends Noun>(noun: N, item: Nouns[N]): Row {
  const content = contentOf(item);
  // Safe: `expires` is looked for, and what selects lists are texts of the noun by the type of SHELVES.
  const { expires, ...fields } = item as unknown as Record<string, string> & { expires?: number };
  const id = idOf(noun, item);
  return {
    ...keyOf(noun, id),
    ...indexKeysOf(noun, item),
    ...selectorsOf(noun, fields),
    __edb_e__: { S: noun },
    __edb_v__: { S: '1' },
    id: { S: id },
    order: { S: orderOf(noun, item) },
    item: { S: content },
    etag: { S: etagOf(content) },
    ...(expires !== undefined && { expires: { N: String(expires) } }),
  };
}

function selectorsOf(noun: Noun, fields: Record<string, string>): Row {
  const names = Object.values(SHELVES).flatMap((shelf): readonly string[] =>
    shelf.noun === noun ? shelf.by : [],
  );
  return Object.fromEntries(names.map((name) => [name, { S: fields[name] ?? '' }]));
}

/** The content of a row. Safe to cast: a row of this noun's key is written by `rowOfItem` only. */
export const itemOfRow = <N extends Noun>(row: Row): Nouns[N] => JSON.parse(textOf(row, 'item')) as Nouns[N];
