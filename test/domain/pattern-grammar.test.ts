import { describe, expect, it } from 'vitest';
import { checkSelection, compose } from '../../domain/pattern/compose.ts';
import { checkFilter } from '../../domain/pattern/grammar.ts';

const co2 = (...values: unknown[]): unknown => ({ data: { co2: values } });
const pathsOf = (filter: unknown): string[] => checkFilter(filter).map(({ path }) => path);

describe('a filter that EventBridge takes', () => {
  it.each([
    [1000, 'text', true, false, null, '', -7e12],
    [{ prefix: 'a' }],
    [{ prefix: '' }],
    [{ prefix: { 'equals-ignore-case': 'A' } }],
    [{ suffix: '.png' }],
    [{ suffix: { 'equals-ignore-case': '.PNG' } }],
    [{ 'equals-ignore-case': 'ÉTÉ' }],
    [{ exactly: 'a' }],
    [{ exists: true }, { exists: false }],
    [{ wildcard: 'a*b*c' }],
    [{ wildcard: String.raw`\*\\*` }],
    [{ cidr: '10.0.0.0/8' }, { cidr: '2001:db8::/32' }, { cidr: '10.0.0.1/0' }, { cidr: '::/127' }],
    [{ numeric: ['=', 3.018e2] }],
    [{ numeric: ['>', 0, '<=', 5] }],
    [{ numeric: ['<', -5e9] }],
    [{ numeric: ['>=', 0.000001, '<', 5e9] }],
    [{ 'anything-but': 'a' }, { 'anything-but': 5 }],
    [{ 'anything-but': ['a', 'b'] }, { 'anything-but': [1, 2] }],
    [{ 'anything-but': { prefix: ['a', 'b'] } }, { 'anything-but': { suffix: 'x' } }],
    [{ 'anything-but': { 'equals-ignore-case': ['a'] } }, { 'anything-but': { wildcard: ['*a', 'b*'] } }],
  ])('asks for %j', (...values) => expect(checkFilter(co2(...values))).toEqual([]));
  it.each([
    [{ type: ['t'] }],
    [{ subject: [{ exists: false }] }],
    [{ data: [1, 'text'] }],
    [{ data: { a: { b: { c: [1] } } }, type: ['t'] }],
    [{ $or: [{ type: ['a'] }, { data: { co2: [1] } }] }],
    [{ type: ['t'], data: { $or: [{ a: [1] }, { b: [2], $or: [{ c: [3] }, { d: [4] }] }] } }],
    [{ data: { 'teacher.name': ['x'] } }],
    [{ data: { prefix: ['a field called prefix'] } }],
  ])('is %j', (filter) => expect(checkFilter(filter)).toEqual([]));
});

describe('a filter that EventBridge refuses', () => {
  it.each([
    [[1]],
    [{ prefix: 5 }],
    [{ prefix: { suffix: 'a' } }],
    [{ prefix: { 'equals-ignore-case': ['a'] } }],
    [{ suffix: null }],
    [{ 'equals-ignore-case': ['a'] }],
    [{ exists: 'true' }],
    [{ wildcard: 'a**b' }],
    [{ wildcard: String.raw`a\b` }],
    [{ wildcard: 'a\\' }],
    [{ wildcard: ['a*'] }],
    [{ wildcard: '*a'.repeat(12) }],
    [{ cidr: '10.0.0.0' }],
    [{ cidr: '10.0.0.0/32' }],
    [{ cidr: '10.0.0.256/8' }],
    [{ cidr: '::/128' }],
    [{ cidr: '10.0.0.0/8/1' }],
    [{ numeric: '>' }],
    [{ numeric: [] }],
    [{ numeric: ['>'] }],
    [{ numeric: ['>', '5'] }],
    [{ numeric: ['!=', 5] }],
    [{ numeric: [5, '>'] }],
    [{ numeric: ['<', 5, '>', 0] }],
    [{ numeric: ['>', 5, '<', 5] }],
    [{ numeric: ['>', 5, '<', 4] }],
    [{ numeric: ['>', 0, '<', 4, '<', 5] }],
    [{ numeric: ['>', 0, '<'] }],
    [{ numeric: ['=', 1, '<', 4] }],
    [{ numeric: ['>', 5_000_000_001] }],
    [{ numeric: ['>', 0.0000001] }],
    [{ 'anything-but': [] }],
    [{ 'anything-but': null }],
    [{ 'anything-but': true }],
    [{ 'anything-but': ['a', 1] }],
    [{ 'anything-but': [['a']] }],
    [{ 'anything-but': 6e9 }],
    [{ 'anything-but': { prefix: '' } }],
    [{ 'anything-but': { suffix: [] } }],
    [{ 'anything-but': { prefix: [1] } }],
    [{ 'anything-but': { numeric: ['>', 1] } }],
    [{ 'anything-but': { prefix: 'a', suffix: 'b' } }],
    [{ 'anything-but': { wildcard: 'a**' } }],
    [{}],
    [{ regex: '.*' }],
    [{ constructor: 'x' }],
    [{ prefix: 'a', suffix: 'b' }],
  ])('asks for %j', (value) => {
    const faults = checkFilter(co2(value));
    expect(faults.map(({ path }) => path)).toEqual([
      JSON.stringify(value).includes('*a*a*a*a') ? '/filter/data/co2' : '/filter/data/co2/0',
    ]);
  });
  it.each([
    [null, '/filter'],
    [[], '/filter'],
    [{}, '/filter'],
    [{ data: {} }, '/filter/data'],
    [{ data: { co2: [] } }, '/filter/data/co2'],
    [{ data: { co2: 1000 } }, '/filter/data/co2'],
    [{ data: { co2: null } }, '/filter/data/co2'],
    [{ type: 't' }, '/filter/type'],
    [{ type: { a: ['t'] } }, '/filter/type'],
    [{ source: ['s'] }, '/filter/source'],
    [{ 'data.co2': [1] }, '/filter/data.co2'],
    [{ detail: { data: [1] } }, '/filter/detail'],
    [{ $or: {} }, '/filter/$or'],
    [{ $or: [{ type: ['a'] }] }, '/filter/$or'],
    [{ $or: [{ type: ['a'] }, 5] }, '/filter/$or/1'],
    [{ $or: [{ type: ['a'] }, { source: ['b'] }] }, '/filter/$or/1/source'],
    [{ data: { $or: [{ prefix: ['a'] }, { b: [1] }] } }, '/filter/data/$or/0/prefix'],
    [{ type: ['a'], $or: [{ type: ['b'] }, { subject: ['c'] }] }, '/filter/$or/0/type'],
    [{ data: { a: { b: [1] }, 'a.b': [2] } }, '/filter/data/a.b'],
  ])('is %j', (filter, path) => expect(pathsOf(filter)).toEqual([path]));
  it('is told everything at once', () => {
    expect(pathsOf({ source: ['x'], data: { 'a/b': [{ numeric: ['>'] }, []], c: 1 }, type: [] })).toEqual([
      '/filter/source',
      '/filter/data/a~1b/0',
      '/filter/data/a~1b/1',
      '/filter/data/c',
      '/filter/type',
    ]);
  });
  it('has more than a thousand combinations, or is nested without end', () => {
    const pair = (name: string): unknown => ({ $or: [{ [`${name}1`]: [1] }, { [`${name}2`]: [1] }] });
    const levels = (count: number): unknown => ({
      data: Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, pair('a')])),
    });
    expect(pathsOf(levels(9))).toEqual([]);
    expect(pathsOf(levels(10))).toEqual(['/filter']);
    const deep = JSON.parse(`${'{"data":'.repeat(20_000)}[1]${'}'.repeat(20_000)}`) as unknown;
    expect(checkFilter(deep)).toHaveLength(1);
    const deepOr = JSON.parse(
      `${'{"$or":['.repeat(20_000)}{"type":["a"]}${',{"type":["a"]}]}'.repeat(20_000)}`,
    ) as unknown;
    expect(checkFilter(deepOr)).toHaveLength(1);
  });
});

describe('a composed pattern', () => {
  it('names dataset, types and filter', () => {
    expect(compose({ dataset: 'air', types: ['a', 'b'], filter: { data: { co2: [1] } } })).toBe(
      '{"source":["maille"],"detail-type":["a","b"],"detail":{"dataset":["air"],"event":{"$or":[{"data":{"co2":[1]}},{"dataref":[{"exists":true}]}]}}}',
    );
    expect(compose({ dataset: 'air' })).toBe('{"source":["maille"],"detail":{"dataset":["air"]}}');
  });
  it('has at most 2048 characters', () => {
    const selection = (length: number) => ({ dataset: 'air', filter: { type: ['x'.repeat(length)] } });
    const room = 2048 - compose(selection(0)).length;
    expect(checkSelection(selection(room))).toEqual([]);
    expect(checkSelection(selection(room + 1))).toEqual([
      { path: '/filter', message: expect.stringContaining('2049 characters') as string },
    ]);
    const types = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(128, 'x'));
    expect(checkSelection({ dataset: 'air', types }).map(({ path }) => path)).toEqual(['/types']);
    expect(checkSelection({ dataset: 'air', filter: { data: 1 } }).map(({ path }) => path)).toEqual([
      '/filter/data',
    ]);
  });
});
