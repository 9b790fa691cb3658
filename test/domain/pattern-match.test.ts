import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compose } from '../../domain/pattern/compose.ts';
import type { Pattern } from '../../domain/pattern/flatten.ts';
import { matches, whyNot } from '../../domain/pattern/match.ts';
import { json } from '../events/arbitrary.ts';

const fitsOne = (value: unknown, wanted: unknown): boolean => matches({ v: [wanted] }, { v: value });

describe('one value', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'A', false],
    [1, 1, true],
    [1, '1', false],
    [true, 1, false],
    [null, null, true],
    ['null', null, false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['abc', { prefix: 'ab' }, true],
    ['abc', { prefix: '' }, true],
    [12, { prefix: '1' }, false],
    ['abc', { prefix: { 'equals-ignore-case': 'AB' } }, true],
    ['xabc', { prefix: { 'equals-ignore-case': 'AB' } }, false],
    ['abc', { suffix: 'bc' }, true],
    ['abc', { suffix: { 'equals-ignore-case': 'BC' } }, true],
    ['abcx', { suffix: { 'equals-ignore-case': 'BC' } }, false],
    ['été', { 'equals-ignore-case': 'ÉTÉ' }, true],
    ['SSa', { 'equals-ignore-case': 'ßA' }, true],
    ['a.c', { 'equals-ignore-case': 'A.C' }, true],
    ['abc', { 'equals-ignore-case': 'A.C' }, false],
    ['abc', { exactly: 'abc' }, true],
    ['dir/a/b.png', { wildcard: 'dir/*.png' }, true],
    ['dir/a/b.pn', { wildcard: 'dir/*.png' }, false],
    ['ab', { wildcard: 'ab*b' }, false],
    ['a*b', { wildcard: String.raw`a\*b` }, true],
    ['axb', { wildcard: String.raw`a\*b` }, false],
    ['aXbYa', { wildcard: 'a*b*a' }, true],
    ['aa', { wildcard: 'a*a*a' }, false],
    ['', { wildcard: '*' }, true],
    [1000.5, { numeric: ['>', 1000] }, true],
    [1000, { numeric: ['>', 1000] }, false],
    [1000, { numeric: ['>=', 1000, '<', 1001] }, true],
    [1001, { numeric: ['>=', 1000, '<', 1001] }, false],
    ['1001', { numeric: ['>', 1000] }, false],
    [5, { numeric: ['=', 5] }, true],
    [5, { numeric: ['<=', 5] }, true],
    ['10.1.2.3', { cidr: '10.0.0.0/8' }, true],
    ['11.1.2.3', { cidr: '10.0.0.0/8' }, false],
    ['10.0.0.130', { cidr: '10.0.0.128/25' }, true],
    ['10.0.0.127', { cidr: '10.0.0.128/25' }, false],
    ['2001:db8::5', { cidr: '2001:db8::/32' }, true],
    ['10.0.0.1', { cidr: '::/0' }, false],
    ['a', { 'anything-but': 'a' }, false],
    ['b', { 'anything-but': 'a' }, true],
    [5, { 'anything-but': 'a' }, true],
    [null, { 'anything-but': ['a', 'b'] }, true],
    [2, { 'anything-but': [1, 2] }, false],
    ['2', { 'anything-but': [1, 2] }, true],
    ['init', { 'anything-but': { prefix: ['in', 'x'] } }, false],
    ['exit', { 'anything-but': { prefix: ['in', 'x'] } }, true],
    ['A', { 'anything-but': { 'equals-ignore-case': ['a'] } }, false],
    ['a/lib/b', { 'anything-but': { wildcard: '*/lib/*' } }, false],
    [7, { 'anything-but': { suffix: '7' } }, true],
    ['a', { exists: true }, true],
    [null, { exists: true }, true],
    ['a', { exists: false }, false],
  ])('%j for %j: %s', (value, wanted, expected) => expect(fitsOne(value, wanted)).toBe(expected));
  it('is there or not only as a scalar', () => {
    for (const value of [{ a: 1 }, [], {}, [{}], [[]]]) {
      expect(fitsOne(value, { exists: true })).toBe(false);
      expect(fitsOne(value, { exists: false })).toBe(true);
      expect(fitsOne(value, { 'anything-but': 'x' })).toBe(false);
    }
  });
});

describe('arrays', () => {
  const staff = {
    employees: [
      [
        { first: 'John', last: 'Doe' },
        { first: 'Anna', last: 'Smith' },
      ],
      [{ first: 'Peter', last: 'Jones' }],
    ],
  };
  it.each([
    [{ first: ['Anna'] }, true],
    [{ first: ['Anna'], last: ['Smith'] }, true],
    [{ first: ['Anna'], last: ['Jones'] }, false],
    [{ first: ['Anna'], last: ['Doe'] }, false],
    [{ first: ['Anna', 'Peter'], last: ['Jones'] }, true],
    [{ first: ['Anna'], middle: [{ exists: false }] }, true],
  ])('are skipped, one element at a time: %j', (employees, expected) =>
    expect(matches({ employees }, staff)).toBe(expected),
  );
  it('of scalars match by any element, and scalars hold together with objects beside them', () => {
    expect(matches({ a: ['x'] }, { a: ['y', ['x']] })).toBe(true);
    expect(matches({ a: [{ 'anything-but': 'x' }] }, { a: ['x', 'y'] })).toBe(true);
    expect(matches({ a: { b: [1] }, c: [2] }, { a: [{ b: 1 }], c: [2] })).toBe(true);
  });
  it('may hold scalars before and after arrays of them', () => {
    const list = [['y'], 'x', { c: 'k' }, ['y']];
    expect(matches({ 'a.b': ['x'], a: { b: { c: ['k'] } } }, { a: { b: list } })).toBe(true);
  });
  it('tell an absent key from one in another element by what the keys before it chose', () => {
    // EventBridge goes by the order of the paths: b has chosen an element when c is asked for, a has not.
    expect(matches({ x: { b: [1], c: [{ exists: false }] } }, { x: [{ c: 1 }, { b: 1 }] })).toBe(true);
    expect(matches({ x: { b: [1], a: [{ exists: false }] } }, { x: [{ a: 1 }, { b: 1 }] })).toBe(false);
  });
  it('of thousands of elements are gone through once', () => {
    const x = Array.from({ length: 5000 }, (_, index) => ({ a: index, b: index + 1 }));
    const start = performance.now();
    const wanted = { x: { a: [{ numeric: ['>=', 0] }], b: [{ numeric: ['>', 0] }], c: ['none'] } };
    expect(matches(wanted, { x })).toBe(false);
    expect(
      matches(
        { x: { a: [{ exists: true }] }, y: { a: [{ exists: true }] }, z: ['none'] },
        { x, y: x, z: 'some' },
      ),
    ).toBe(false);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

it('a name with full stops is the path of several names, in pattern and event alike', () => {
  expect(matches({ 'a.b': [1] }, { a: { b: 1 } })).toBe(true);
  expect(matches({ a: { b: { c: [1] } } }, { 'a.b': [{ c: 1 }] })).toBe(true);
});

describe('$or', () => {
  const pattern = { source: ['s'], $or: [{ a: [1] }, { b: [2], $or: [{ c: [3] }, { d: [4] }] }] };
  it.each([
    [{ source: 's', a: 1 }, true],
    [{ source: 's', b: 2, d: 4 }, true],
    [{ source: 's', b: 2 }, false],
    [{ a: 1 }, false],
  ])('%j: %s', (event, expected) => expect(matches(pattern, event)).toBe(expected));
});

describe('why not', () => {
  const filter = { type: ['co2'], data: { co2: [{ numeric: ['>', 1000] }], room: { name: ['a/b'] } } };
  it.each([
    [
      { type: 'co2', data: { co2: 900, room: { name: 'a/b' } } },
      { key: '/data/co2', value: 900 },
    ],
    [
      { type: 'no2', data: {} },
      { key: '/type', value: 'no2' },
    ],
    [
      { type: 'co2', data: { co2: 1001 } },
      { key: '/data/room/name', value: undefined },
    ],
    [
      { type: 'co2', data: { co2: [900, 950] } },
      { key: '/data/co2', value: [900, 950] },
    ],
    [{ type: 'co2', data: { co2: 1001, room: { name: 'a/b' } } }, undefined],
    [
      { type: 'co2', data: [{ co2: 1001 }, { co2: 1, room: { name: 'a/b' } }] },
      { key: '/data/room/name', value: 'a/b' },
    ],
  ])('%j: %j', (event, expected) => expect(whyNot(filter, event)).toEqual(expected));
  it('names the nearest branch of an $or', () => {
    const either = { data: { $or: [{ a: [1], b: [2] }, { c: [3] }] } };
    expect(whyNot(either, { data: { a: 1, b: 5 } })).toEqual({ key: '/data/$or/0/b', value: 5 });
  });
  it('is silent exactly where an event matches', () => {
    fc.assert(
      fc.property(patterns, events, (pattern, event) => {
        expect(whyNot(pattern, event) === undefined).toBe(matches(pattern, event));
      }),
    );
  });
});

const scalar = fc.constantFrom<unknown>('x', 'y', 1, 2, null, true);
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'large' },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  ),
})).value;
const events = fc.record({ type: fc.constantFrom('s', 't'), data: value }, { requiredKeys: ['type'] });
const operand = fc.constantFrom<unknown>(
  'x',
  1,
  null,
  true,
  { exists: true },
  { exists: false },
  { 'anything-but': 'x' },
  { numeric: ['>', 1] },
  { prefix: 'x' },
);
const leaves = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.array(operand, { minLength: 1, maxLength: 2 }),
  { minKeys: 1, maxKeys: 2 },
);
const patterns = fc
  .record(
    {
      type: fc.constant(['s']),
      data: fc.oneof(leaves, fc.dictionary(fc.constantFrom('a', 'b'), leaves, { minKeys: 1 })),
    },
    { requiredKeys: ['data'] },
  )
  .map((pattern) => pattern as Pattern);

describe('properties', () => {
  it('a filter judges an event as its composed pattern judges the entry on the bus', () => {
    fc.assert(
      fc.property(patterns, events, fc.boolean(), (filter, event, named) => {
        const types = named ? { types: ['s'] } : {};
        const pattern = JSON.parse(compose({ dataset: 'air', ...types, filter })) as Pattern;
        const entry = {
          source: 'maille',
          'detail-type': event.type,
          detail: { dataset: 'air', key: 'k', event },
        };
        expect(matches(pattern, entry)).toBe(matches(filter, event) && (!named || event.type === 's'));
        expect(matches(pattern, { ...entry, detail: { ...entry.detail, dataset: 'other' } })).toBe(false);
      }),
    );
  });
  it('any JSON is judged without an exception', () => {
    fc.assert(
      fc.property(patterns, json, (pattern, data) => {
        expect(typeof matches(pattern, { data })).toBe('boolean');
      }),
    );
  });
  it('a wildcard matches what the regular expression of it matches', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), text, (parts, given) => {
        const wildcard = parts
          .filter((part, index) => index === 0 || index === parts.length - 1 || part !== '')
          .join('*');
        const regex = new RegExp(`^${wildcard.replaceAll('*', '.*')}$`);
        expect(fitsOne(given, { wildcard })).toBe(regex.test(given));
      }),
    );
  });
});
