import fc from 'fast-check';
import type { Terms } from '../../../schemas/contract.ts';
import type { MinimisationClause } from '../../../schemas/dataset.ts';

/** Few paths and few numbers, so that random terms often compare. */
const path = fc.constantFrom(
  '/data',
  '/data/*',
  '/data/a',
  '/data/b',
  '/data/a/*',
  '/data/a/x',
  '/data/*/x',
  '/subject',
);
const rule = fc.oneof(
  fc.record({ do: fc.constant('drop' as const), path }),
  fc.record({ do: fc.constant('round' as const), path, to: fc.constantFrom(0.1, 0.3, 1, 2, 5, 10, 100) }),
  fc.record({
    do: fc.constant('pseudonymise' as const),
    path,
    rotate: fc.constantFrom('PT1H', 'PT60M', 'P1D', 'PT24H'),
  }),
  fc.record({ do: fc.constant('delay' as const), by: fc.constantFrom('PT1M', 'PT60S', 'PT15M', 'P1D') }),
);
/** Some clauses of minimisation. */
export const clauses = (maxLength: number): fc.Arbitrary<MinimisationClause[]> =>
  fc
    .array(rule, { maxLength })
    .map((rules) => rules.map((one, index) => ({ clause: `c${index}`, ...one }) as MinimisationClause));
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
/** Some terms of a contract. */
export const terms: fc.Arbitrary<Terms> = fc
  .record({
    minimisation: clauses(4),
    quota: optional(
      fc.record({ events: fc.constantFrom(1, 2, 31, 62, 100), per: fc.constantFrom('P1D', 'P1M') }),
    ),
    price: optional(
      fc.record({
        amount: fc.constantFrom(0, 1, 2),
        currency: fc.constantFrom('EUR', 'CHF'),
        per: fc.constantFrom('event', 'P1D'),
      }),
    ),
    durationDays: optional(fc.constantFrom(1, 30)),
    noticeDays: optional(fc.constantFrom(0, 30)),
  })
  // Absent terms are absent, as JSON has them.
  .map((all) => JSON.parse(JSON.stringify(all)) as Terms);
