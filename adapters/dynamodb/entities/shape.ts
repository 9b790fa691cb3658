import type { Listing, Noun } from '../../../domain/ports.ts';
import { INDEXES } from '../keys.ts';

const text = { type: 'string', required: true } as const;

/** What every row of the registry has: its id, its place within lists, its content as JSON and the content's digest. */
export const kept = { id: text, order: text, item: text, etag: text, expires: { type: 'number' } } as const;

/** An attribute that selects a list. */
export const selector = text;

/** Names the noun in the way that `keys.ts` writes rows. */
export const model = <const N extends Noun>(noun: N) =>
  ({ entity: noun, service: 'maille', version: '1' }) as const;

/** The primary index of a noun. */
export const byId = <const N extends Noun>(noun: N) =>
  ({
    pk: { field: 'pk', composite: ['id'], template: `${noun}#\${id}`, casing: 'none' },
    sk: { field: 'sk', composite: [], template: noun, casing: 'none' },
  }) as const;

/** The index of a list, with the partition that `keys.ts` composes. */
export const shelf = <
  const L extends Listing,
  const By extends readonly string[],
  const Order extends string = 'order',
>(
  listing: L,
  by: By,
  // Safe: the default is the default of its type.
  order: Order = 'order' as Order,
) =>
  ({
    index: INDEXES[listing],
    pk: {
      field: `${INDEXES[listing]}pk`,
      composite: by,
      template: [listing, ...by.map((name) => `\${${name}}`)].join('#'),
      casing: 'none',
    },
    sk: { field: `${INDEXES[listing]}sk`, composite: [order], template: `\${${order}}`, casing: 'none' },
  }) as const;
