import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { covers } from '../../../domain/contracts/cover.ts';
import { isStricterOrEqual } from '../../../domain/contracts/stricter.ts';
import { minimise } from '../../../domain/deliver/minimise.ts';
import type { Terms } from '../../../schemas/contract.ts';
import type { MinimisationClause } from '../../../schemas/dataset.ts';
import { seconds } from '../../../schemas/duration.ts';
import { given } from '../../given.ts';
import { clauses, terms } from './terms.ts';

/** Terms with something taken away or added here and there, so that pairs which compare are not rare. */
const chain = fc.tuple(terms, clauses(2), clauses(2)).map(([loosest, some, more]): [Terms, Terms, Terms] => {
  const add = (to: Terms, added: MinimisationClause[], tail: string): Terms => ({
    ...to,
    minimisation: [
      ...to.minimisation,
      ...added.map((clause) => ({ ...clause, clause: clause.clause + tail })),
    ],
  });
  const middle = add(loosest, some, '-some');
  return [loosest, middle, add(middle, more, '-more')];
});
const triple = fc.oneof(fc.tuple(terms, terms, terms), chain);

const stricter = (one: Terms, other: Terms): boolean => isStricterOrEqual(one, other).length === 0;

/** Terms told in one way: only clauses that no other one covers, without names, in order. */
function essence({ minimisation, price, ...rest }: Terms): unknown {
  const told = (clause: MinimisationClause): string => {
    if (clause.do === 'delay') return `delay ${seconds(clause.by)}`;
    if (clause.do === 'drop') return `drop ${clause.path}`;
    return clause.do === 'round'
      ? `round ${clause.path} ${clause.to}`
      : `pseudonymise ${clause.path} ${seconds(clause.rotate)}`;
  };
  const greatest = minimisation.filter((clause) =>
    minimisation.every((other) => !covers(other, clause) || covers(clause, other)),
  );
  return {
    clauses: [...new Set(greatest.map(told))].sort(),
    identity: minimisation.some((clause) => clause.do === 'pseudonymise'),
    price: price?.amount ? price : undefined,
    ...rest,
  };
}

describe('stricter or equal is a partial order', () => {
  test('reflexive', () => {
    fc.assert(fc.property(terms, (one) => stricter(one, one)));
  });

  test('transitive', () => {
    fc.assert(
      fc.property(triple, ([a, b, c]) => !(stricter(c, b) && stricter(b, a)) || stricter(c, a)),
      { numRuns: 5000 },
    );
  });

  test('antisymmetric, up to what says the same in other words', () => {
    fc.assert(
      fc.property(triple, ([a, b]) => {
        fc.pre(stricter(a, b) && stricter(b, a));
        expect(essence(a)).toEqual(essence(b));
      }),
      { numRuns: 500 },
    );
  });

  test('in which adding clauses never loosens', () => {
    fc.assert(
      fc.property(chain, ([loosest, middle, strictest]) => {
        expect(isStricterOrEqual(middle, loosest)).toEqual([]);
        expect(isStricterOrEqual(strictest, loosest)).toEqual([]);
      }),
    );
  });
});

describe('what stricter minimisation lets through', () => {
  const leaf = fc.oneof(fc.integer({ min: -500, max: 500 }), fc.constantFrom('secret', null, true));
  const node = fc.oneof(
    leaf,
    fc.dictionary(fc.constantFrom('x', 'y'), leaf),
    fc.array(leaf, { maxLength: 3 }),
  );
  const data = fc.oneof(node, fc.dictionary(fc.constantFrom('a', 'b', 'c'), node));
  const scope = {
    key: Buffer.alloc(32),
    contract: 'ctr_x',
    acceptedAt: new Date(0),
    sequence: '01KDVDG4000000000000000000',
  };

  test('has no value in the clear that the looser one hides', () => {
    fc.assert(
      fc.property(chain, data, ([loose, , strict], value) => {
        const event = given.event({ subject: 'room-7', data: value });
        const looser = leaves(minimise(event, loose.minimisation, scope));
        const stricter = leaves(minimise(event, strict.minimisation, scope));
        for (const [pointer, clear] of leaves(event)) {
          if (looser.get(pointer) === clear) continue;
          // Rounding to something else may meet the value by chance; a text that was hidden stays hidden.
          if (typeof clear === 'string') expect(stricter.get(pointer)).not.toBe(clear);
          if (!looser.has(pointer)) expect(stricter.has(pointer)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  function leaves(value: unknown, at = '', into = new Map<string, unknown>()): Map<string, unknown> {
    // Elements move when others go: arrays are left to the tests of `minimise`.
    if (Array.isArray(value)) return into;
    if (typeof value !== 'object' || value === null) return into.set(at, value);
    for (const [name, member] of Object.entries(value)) leaves(member, `${at}/${name}`, into);
    return into;
  }
});

describe('a clause covers another', () => {
  const drop = (path: string) => ({ clause: 'c', do: 'drop', path }) as const;
  const round = (path: string, to: number) => ({ clause: 'c', do: 'round', path, to }) as const;
  const pseudonym = (path: string, rotate: string) =>
    ({ clause: 'c', do: 'pseudonymise', path, rotate }) as const;
  const delay = (by: string) => ({ clause: 'c', do: 'delay', by }) as const;

  test.each<[MinimisationClause, MinimisationClause, boolean]>([
    [drop('/data/a'), drop('/data/a/x'), true],
    [drop('/data/a/x'), drop('/data/a'), false],
    [drop('/data/*'), drop('/data/a/x'), true],
    [drop('/data/a'), drop('/data/*'), false],
    [drop('/data/ab'), drop('/data/a'), false],
    [drop('/data/a'), round('/data/a', 10), true],
    [drop('/data/a'), pseudonym('/data/a/x', 'P1D'), true],
    [round('/data/a', 10), drop('/data/a'), false],
    [round('/data/a', 200), round('/data/a', 100), true],
    [round('/data/a', 150), round('/data/a', 100), false],
    [round('/data/a', 0.3), round('/data/a', 0.1), true],
    [round('/data/a', 1e21), round('/data/a', 1e-7), true],
    [round('/data/a', 100), round('/data/a/x', 100), false],
    [round('/data/*', 100), round('/data/a', 100), true],
    [round('/data/a', 100), pseudonym('/data/a', 'P1D'), false],
    [pseudonym('/data/a', 'PT1H'), pseudonym('/data/a', 'P1D'), true],
    [pseudonym('/data/a', 'P2D'), pseudonym('/data/a', 'P1D'), false],
    [delay('PT15M'), delay('PT1M'), true],
    [delay('PT1M'), delay('PT15M'), false],
    [drop('/data'), delay('PT1M'), false],
  ])('%o, %o: %s', (one, other, expected) => {
    expect(covers(one, other)).toBe(expected);
  });
});

describe('terms are looser', () => {
  const base: Terms = { minimisation: [] };
  const paths = (asked: Partial<Terms>, standing: Partial<Terms>) =>
    isStricterOrEqual({ ...base, ...asked }, { ...base, ...standing }).map(({ path }) => path);

  test('with each term that gives more, told by its path, all at once', () => {
    const standing: Terms = {
      minimisation: [
        { clause: 'no-teacher', do: 'drop', path: '/data/teacher' },
        { clause: 'late', do: 'delay', by: 'PT15M' },
      ],
      quota: { events: 100, per: 'P1D' },
      price: { amount: 2, currency: 'EUR', per: 'P1M' },
      durationDays: 30,
      noticeDays: 10,
    };
    const asked: Terms = {
      minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/room' }],
      quota: { events: 101, per: 'P1D' },
      price: { amount: 1, currency: 'EUR', per: 'P1M' },
      noticeDays: 11,
    };
    expect(isStricterOrEqual(asked, standing).map(({ path }) => path)).toEqual([
      '/terms/minimisation/0',
      '/terms/minimisation',
      '/terms/quota',
      '/terms/price',
      '/terms/durationDays',
      '/terms/noticeDays',
    ]);
  });

  test('by a day’s quota that a month of 31 days would exceed', () => {
    const month = { quota: { events: 310, per: 'P1M' } } as const;
    expect(paths({ quota: { events: 10, per: 'P1D' } }, month)).toEqual([]);
    expect(paths({ quota: { events: 11, per: 'P1D' } }, month)).toEqual(['/quota'].map((p) => `/terms${p}`));
    expect(paths(month, { quota: { events: 310, per: 'P1D' } })).toEqual([]);
    expect(paths(month, { quota: { events: 309, per: 'P1D' } })).toEqual(['/terms/quota']);
    expect(paths({}, month)).toEqual(['/terms/quota']);
  });

  test('without the pseudonyms of id and subject that another clause brought', () => {
    const standing: MinimisationClause = {
      clause: 'who',
      do: 'pseudonymise',
      path: '/data/who',
      rotate: 'P1D',
    };
    const dropped: MinimisationClause = { clause: 'who', do: 'drop', path: '/data/who' };
    expect(paths({ minimisation: [dropped] }, { minimisation: [standing] })).toEqual([
      '/terms/minimisation/0',
    ]);
    const other: MinimisationClause = { ...standing, clause: 'room', path: '/data/room' };
    expect(paths({ minimisation: [dropped, other] }, { minimisation: [standing] })).toEqual([]);
  });

  test('in another currency, or counted otherwise', () => {
    const price = { amount: 1, currency: 'EUR', per: 'event' } as const;
    expect(paths({ price: { ...price, currency: 'CHF' } }, { price })).toEqual(['/terms/price']);
    expect(paths({ price: { ...price, per: 'P1D' } }, { price })).toEqual(['/terms/price']);
    expect(paths({}, { price: { ...price, amount: 0 } })).toEqual([]);
  });
});
