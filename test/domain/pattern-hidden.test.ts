import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hiddenPathConflicts, pathsOf } from '../../domain/pattern/hidden.ts';
import type { Pattern } from '../../domain/pattern/flatten.ts';
import { matches } from '../../domain/pattern/match.ts';
import { minimise } from '../../domain/deliver/minimise.ts';
import type { MinimisationClause } from '../../schemas/dataset.ts';

const drop = (path: string): MinimisationClause => ({ clause: 'c', do: 'drop', path });
const filterAs = (wanted: unknown, ...names: string[]): Pattern =>
  names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), [wanted]) as Pattern;
const filterOn = (...names: string[]): Pattern => filterAs('x', ...names);

it('the paths of a filter leave arrays and $or out', () => {
  expect(
    pathsOf({ type: ['t'], data: { a: { 'b/c': [1] }, $or: [{ d: [1], 'e.f': [2] }, { d: [3] }] } }),
  ).toEqual(['/type', '/data/a/b~1c', '/data/d', '/data/e/f']);
});

describe('a key is refused', () => {
  it.each([
    ['/data/teacher', ['data', 'teacher']],
    ['/data/teacher', ['data', 'teacher', 'name']],
    ['/data/teacher/name', ['data', 'teacher']],
    ['/data/teacher', ['data']],
    ['/data', ['data', 'co2']],
    ['/subject', ['subject']],
    ['/time', ['time']],
    ['/data/a/*/b', ['data', 'a', 'b']],
    ['/data/a/*/b', ['data', 'a', 'c', 'b']],
    ['/data/a/*/b', ['data', 'a']],
    ['/data/a/*/b', ['data', 'a', 'b', 'd']],
    ['/data/a/*', ['data', 'a']],
    ['/data/a/*', ['data', 'a', 'anything', 'below']],
    ['/data/*/b', ['data', 'b']],
    ['/data/a/0/b', ['data', 'a', 'b']],
    ['/data/a/0', ['data', 'a']],
    ['/data/a/0/b', ['data', 'a', '0', 'b']],
    ['/data/teacher/name', ['data', 'teacher.name']],
    ['/data/teacher.name', ['data', 'teacher', 'name']],
    ['/data/a~1b/~0c', ['data', 'a/b', '~c']],
    ['/data/*/name', ['data', 'fr.school', 'name']],
  ])('where %s is hidden: %j', (path, names) => {
    expect(hiddenPathConflicts(filterOn(...names), [drop(path)])).toEqual([
      {
        path: expect.stringContaining('/filter/') as string,
        message: expect.stringContaining(`drops at ${path} (clause c)`) as string,
      },
    ]);
  });
  it('in a branch of $or, by its place in the filter', () => {
    const filter = { $or: [{ type: ['t'] }, { data: { $or: [{ a: [1] }, { teacher: ['x'] }] } }] };
    expect(hiddenPathConflicts(filter, [drop('/data/teacher')]).map(({ path }) => path)).toEqual([
      '/filter/$or/1/data/$or/1/teacher',
    ]);
  });
  it('when it is the subject and anything is pseudonymised', () => {
    const clauses: MinimisationClause[] = [
      { clause: 'who', do: 'pseudonymise', path: '/data/teacher', rotate: 'P30D' },
    ];
    expect(hiddenPathConflicts(filterOn('subject'), clauses)).toHaveLength(1);
    expect(hiddenPathConflicts(filterOn('data', 'teacher'), clauses)[0]?.message).toContain('pseudonymises');
    expect(hiddenPathConflicts(filterOn('type'), clauses)).toEqual([]);
  });
});

describe('a key is taken', () => {
  it.each([
    ['/data/teacher', ['data', 'co2']],
    ['/data/teacher', ['data', 'teachers']],
    ['/data/teacher/name', ['data', 'teacher', 'subject']],
    ['/data/teacher', ['type']],
    ['/data/teacher', ['subject']],
    ['/subject', ['data', 'subject']],
    ['/data/a/*/b', ['data', 'a', 'c']],
    ['/data/a/0/b', ['data', 'a', 'c']],
    ['/data/*/b', ['data', 'a', 'c']],
  ])('where %s is hidden: %j', (path, names) =>
    expect(hiddenPathConflicts(filterOn(...names), [drop(path)])).toEqual([]),
  );
  it('when a clause only delays, or hides nothing', () => {
    expect(
      hiddenPathConflicts(filterOn('data', 'co2'), [{ clause: 'late', do: 'delay', by: 'PT15M' }]),
    ).toEqual([]);
    expect(hiddenPathConflicts(filterOn('data', 'co2'), [])).toEqual([]);
  });
  it('even where stars stand a hundred times', () => {
    const path = `/data${'/*/a'.repeat(100)}/z`;
    expect(
      hiddenPathConflicts(filterOn('data', ...Array.from({ length: 45 }, () => 'a')), [drop(path)]),
    ).toHaveLength(1);
    expect(
      hiddenPathConflicts(filterOn('data', ...Array.from({ length: 45 }, () => 'b')), [drop(path)]),
    ).toEqual([]);
  });
});

it('what a filter may still ask for is never told by what is dropped', () => {
  const name = fc.constantFrom('a', 'b', 'a.b', '0');
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'large' },
      fc.constantFrom('x', 'y'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const wanted = fc.constantFrom<unknown>('x', { exists: true }, { exists: false }, { 'anything-but': 'x' });
  const names = fc.array(name, { minLength: 1, maxLength: 4 });
  const tokens = fc.array(fc.oneof(name, fc.constant('*')), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(value, names, tokens, wanted, (data, keys, hidden, operand) => {
      const clause = drop(`/data/${hidden.join('/')}`);
      const filter = filterAs(operand, 'data', ...keys);
      fc.pre(hiddenPathConflicts(filter, [clause]).length === 0);
      const event = { specversion: '1.0' as const, id: '1', source: '/s', type: 't', data };
      const seen = minimise(event, [clause], undefined);
      // What matches before the drop must match after it: else the match would tell what the contract hides.
      expect(matches(filter, seen)).toBe(matches(filter, event));
    }),
    { numRuns: 2000 },
  );
});
