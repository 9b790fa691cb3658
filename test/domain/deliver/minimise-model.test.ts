import fc from 'fast-check';
import { expect, test } from 'vitest';
import { minimise } from '../../../domain/deliver/minimise.ts';
import { tokensOf } from '../../../domain/deliver/plan.ts';
import { pseudonymsOf } from '../../../domain/deliver/pseudonym.ts';
import { roundValue } from '../../../domain/deliver/round.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import type { MinimisationClause } from '../../../schemas/dataset.ts';
import { pointerToken } from '../../../schemas/problem.ts';

const scope = {
  key: Buffer.alloc(32, 7),
  contract: 'ctr_1',
  acceptedAt: new Date('2026-03-01T10:00:00Z'),
  sequence: '01KJVN1XG0ABCDEFGHJKMNPQRS',
};
const GONE = Symbol('gone');

/** What api.md says of clauses, in the plainest way: one after the other, drops last, each value replaced where it is. */
function model(data: unknown, clauses: MinimisationClause[]): unknown {
  let seen: unknown = structuredClone(data);
  const drops = clauses.filter((clause) => clause.do === 'drop');
  for (const clause of [...clauses.filter((one) => one.do !== 'drop'), ...drops]) {
    if (clause.do === 'delay') continue;
    seen = replaced(seen, tokensOf(clause.path).slice(1), (value) => after(value, clause));
  }
  return withoutGone(seen);
}

function after(value: unknown, clause: Exclude<MinimisationClause, { do: 'delay' }>): unknown {
  if (clause.do === 'drop') return GONE;
  if (clause.do === 'round') {
    const rounded = roundValue(value, clause.to, tokensOf(clause.path).includes('coordinates'));
    return rounded === undefined ? GONE : rounded;
  }
  const period = Math.floor(scope.acceptedAt.getTime() / 3_600_000);
  const make = pseudonymsOf((of) => `${clause.path} ${of}`);
  return value === null ? null : make(scope, period, JSON.stringify(value));
}

function replaced(value: unknown, [token, ...rest]: string[], by: (value: unknown) => unknown): unknown {
  if (value === GONE) return GONE;
  if (token === undefined) return by(value);
  if (typeof value !== 'object' || value === null) return value;
  const meant = (name: string) => token === '*' || token === name;
  if (Array.isArray(value))
    return value.map((one, at) => (meant(String(at)) ? replaced(one, rest, by) : (one as unknown)));
  const entries = Object.entries(value).map(([name, one]) => [
    name,
    meant(name) ? replaced(one, rest, by) : one,
  ]);
  return Object.fromEntries(entries.filter(([, one]) => one !== GONE)) as unknown;
}

function withoutGone(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((one) => one !== GONE).map(withoutGone);
  if (typeof value !== 'object' || value === null) return value === GONE ? undefined : value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutGone(one)]));
}

const name = fc.constantFrom('a', 'b', '0', '1', 'length', '__proto__', 'a/b', 'coordinates');
const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(1.234, 17, 'x', null, true),
    fc.constant({ type: 'Point', coordinates: [-1.15114, 46.16033] }),
    fc.array(tie('data'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('data')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
const path = fc
  .array(fc.oneof(name, fc.constant('*')), { minLength: 1, maxLength: 4 })
  .map((tokens) => `/data${tokens.map((token) => `/${pointerToken(token)}`).join('')}`);
const clauses = fc
  .array(
    fc.oneof(
      fc.record({ do: fc.constant('drop' as const), path }),
      fc.record({ do: fc.constant('round' as const), path, to: fc.constantFrom(0.1, 10, 500) }),
      fc.record({ do: fc.constant('pseudonymise' as const), path, rotate: fc.constant('PT1H') }),
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((all) => all.map((one, at): MinimisationClause => ({ clause: `c${at}`, ...one })));

test('many clauses at once do what they do one after the other, whatever they have in common', () => {
  fc.assert(
    fc.property(data, clauses, (value, all) => {
      const event: CloudEvent = { specversion: '1.0', id: 'e', source: '//x', type: 't', data: value };
      const before = structuredClone(event);
      const seen = minimise(event, all, scope);
      expect(JSON.stringify(seen.data)).toBe(JSON.stringify(model(value, all)));
      expect(event).toEqual(before);
      const { data: _, ...envelope } = seen;
      expect(Object.keys(envelope).sort()).toEqual(['id', 'source', 'specversion', 'type']);
    }),
    { numRuns: 1000 },
  );
});

test('a pseudonym that was forgotten is made again, the same', () => {
  const of = pseudonymsOf((period) => `/data/x ${period}`);
  const first = of(scope, 1, '"v-1"');
  for (let count = 0; count < 50_001; count += 1) of(scope, 1, String(count));
  expect(of(scope, 1, '"v-1"')).toBe(first);
  expect(of(scope, 2, '"v-1"')).not.toBe(first);
  expect(of({ ...scope, contract: 'ctr_2' }, 1, '"v-1"')).not.toBe(first);
  expect(of({ ...scope, key: Buffer.alloc(32, 8) }, 1, '"v-1"')).not.toBe(first);
  expect(of(scope, 1, '"v-1"')).toBe(first);
});
