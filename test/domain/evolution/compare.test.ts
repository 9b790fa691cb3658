import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaJudge } from '../../../adapters/json-schema/judge.ts';
import { compare } from '../../../domain/evolution/compare.ts';
import type { JsonSchema } from '../../../schemas/dataset.ts';
import { datum, jsonSchema, versions } from './arbitrary.ts';

const object = (properties: Record<string, unknown>, more: object = {}) => ({
  type: 'object',
  properties,
  ...more,
});
const string = { type: 'string' };
const number = { type: 'number' };
const tree = (leaf: object) => ({
  $ref: '#/$defs/tree',
  $defs: { tree: object({ leaf, children: { type: 'array', items: { $ref: '#/$defs/tree' } } }) },
});

/** What widens: the later version takes all that the earlier one took, and more. */
const widenings: [string, JsonSchema, JsonSchema][] = [
  ['another type', { type: 'string' }, { type: ['string', 'null'] }],
  ['numbers for whole ones', { type: 'integer' }, number],
  ['a value more', { enum: ['a', 'b'] }, { enum: ['c', 'b', 'a'] }],
  ['a list for one value', { const: 1 }, { enum: [1, 2] }],
  ['all texts for some', { enum: ['a', 'b'] }, string],
  ['a lower bound', { type: 'number', minimum: 5 }, { type: 'number', minimum: 0 }],
  ['a bound that is met', { type: 'number', exclusiveMinimum: 5 }, { type: 'number', minimum: 5 }],
  ['longer texts', { type: 'string', maxLength: 5 }, { type: 'string', maxLength: 6 }],
  ['no pattern', { type: 'string', pattern: '^a' }, string],
  ['no format', { type: 'string', format: 'date' }, string],
  ['a half step', { multipleOf: 4, type: 'integer' }, { multipleOf: 2, type: 'number' }],
  ['a member not required', object({ a: string }, { required: ['a'] }), object({ a: string })],
  ['open members', object({ a: string }, { additionalProperties: false }), object({ a: string })],
  [
    'a member described where all were closed',
    object({ a: string }, { additionalProperties: false }),
    object({ a: string, b: number }, { additionalProperties: false }),
  ],
  [
    'a wider member far down',
    object({ a: object({ b: { type: 'array', items: { type: 'integer' } } }) }),
    object({ a: object({ b: { type: 'array', items: number } }) }),
  ],
  ['an alternative more', { anyOf: [string, number] }, { anyOf: [number, { type: 'null' }, string] }],
  [
    'an alternative more, told apart by a member',
    {
      oneOf: [
        object({ kind: { const: 'a' } }, { required: ['kind'] }),
        object({ kind: { const: 'b' } }, { required: ['kind'] }),
      ],
    },
    {
      oneOf: [
        object({ kind: { const: 'a' } }, { required: ['kind'] }),
        object({ kind: { const: 'b' } }, { required: ['kind'] }),
        object({ kind: { const: 'c' } }, { required: ['kind'] }),
      ],
    },
  ],
  ['a condition less', { allOf: [string, { minLength: 2 }] }, string],
  [
    'a tuple as a list',
    { prefixItems: [string, string], items: false, type: 'array' },
    { type: 'array', items: string },
  ],
  ['a recursive schema, wider in its leaf', tree({ type: 'integer' }), tree(number)],
  [
    'names by a pattern',
    object({}, { patternProperties: { '^x-': { type: 'integer' } } }),
    object({}, { patternProperties: { '^x-': number } }),
  ],
  ['fewer elements asked for', { type: 'array', minItems: 2 }, { type: 'array', minItems: 1 }],
];

describe('a wider version', () => {
  test.each(widenings)('with %s is backward compatible, and not forward', (_, before, after) => {
    expect(compare(before, after).backward).toEqual([]);
    expect(compare(before, after).forward).not.toEqual([]);
    expect(compare(after, before).forward).toEqual([]);
    expect(compare(after, before).backward).not.toEqual([]);
  });
});

describe('a version that says the same', () => {
  test.each<[string, JsonSchema, JsonSchema]>([
    ['in other words', { title: 'Old', description: 'x', ...string }, { title: 'New', ...string }],
    ['in another order', { enum: ['a', 'b'] }, { enum: ['b', 'a'] }],
    [
      'that forbids what cannot be',
      { not: { type: 'string' }, type: ['number', 'null'] },
      { type: ['number', 'null'] },
    ],
    ['by a reference', { $ref: '#/$defs/a', $defs: { a: string } }, string],
    ['by bounds of whole numbers', { type: 'integer', exclusiveMinimum: 0 }, { type: 'integer', minimum: 1 }],
    ['by two types or two alternatives', { type: ['string', 'null'] }, { anyOf: [{ type: 'null' }, string] }],
    ['of what cannot be', { allOf: [string, number] }, false],
    [
      'with a condition that stayed',
      { ...object({ a: string }), if: { required: ['a'] }, then: { required: ['b'] }, title: 'x' },
      { ...object({ a: string }), if: { required: ['a'] }, then: { required: ['b'] } },
    ],
  ])('%s is compatible both ways', (_, before, after) => {
    expect(compare(before, after)).toEqual({ backward: [], forward: [] });
  });
});

describe('a narrower version', () => {
  test.each<[string, JsonSchema, JsonSchema, string]>([
    [
      'a member that is required',
      object({ a: string }),
      object({ a: string }, { required: ['a'] }),
      '/required/0',
    ],
    [
      'a type that goes',
      object({ a: { type: ['string', 'null'] } }),
      object({ a: string }),
      '/properties/a/type',
    ],
    ['a value that goes', { enum: ['a', 'b'] }, { enum: ['a'] }, '/enum'],
    [
      'a bound',
      object({ 'a/b': number }),
      object({ 'a/b': { type: 'number', maximum: 5 } }),
      '/properties/a~1b/maximum',
    ],
    [
      'closed members',
      object({ a: string }),
      object({ a: string }, { additionalProperties: false }),
      '/additionalProperties',
    ],
    ['another pattern', { type: 'string', pattern: '^a' }, { type: 'string', pattern: '^a$' }, '/pattern'],
    ['another format', { type: 'string', format: 'date' }, { type: 'string', format: 'time' }, '/format'],
    [
      'what a reference leads to',
      { $ref: '#/$defs/a', $defs: { a: number } },
      { $ref: '#/$defs/a', $defs: { a: { type: 'integer' } } },
      '/$defs/a/type',
    ],
    ['an alternative that goes', { anyOf: [string, number] }, { anyOf: [string] }, '/anyOf'],
    ['alternatives that overlap', { oneOf: [number] }, { oneOf: [number, { type: 'integer' }] }, '/oneOf'],
    ['names', object({}), object({}, { propertyNames: { maxLength: 3 } }), '/propertyNames/maxLength'],
    ['what it contains', { type: 'array' }, { type: 'array', contains: string }, '/contains'],
    ['equal elements', { type: 'array' }, { type: 'array', uniqueItems: true }, '/uniqueItems'],
    ['a dependency', object({}), object({}, { dependentRequired: { a: ['b'] } }), '/dependentRequired/a'],
    ['fewer members', object({}), object({}, { maxProperties: 3 }), '/maxProperties'],
    ['a step', number, { type: 'number', multipleOf: 0.5 }, '/multipleOf'],
    ['what it forbids', {}, { not: { type: 'null' } }, '/not'],
    ['an unknown keyword', string, { ...string, nullable: false }, '/nullable'],
    ['a new condition', {}, { if: { type: 'string' }, then: { minLength: 2 } }, '/then/minLength'],
    [
      'what nobody can compare',
      object({}),
      object({}, { unevaluatedProperties: false }),
      '/unevaluatedProperties',
    ],
  ])('with %s is told, with its path', (_, before, after, path) => {
    expect(compare(before, after).backward.map((fault) => fault.path)).toContain(path);
  });

  test('tells every place at once', () => {
    const after = object({ a: { type: 'integer' }, b: { ...string, minLength: 1 } }, { required: ['a'] });
    const { backward } = compare(object({ a: number, b: string }), after);
    expect(backward.map(({ path }) => path).sort()).toEqual([
      '/properties/a/type',
      '/properties/b/minLength',
      '/required/0',
    ]);
  });
});

describe('a schema made to be expensive', () => {
  test('is answered soon, as not comparable', () => {
    const wide = (n: number) => ({
      anyOf: Array.from({ length: 40 }, (_, i) =>
        object(
          {
            [`p${i}`]: {
              anyOf: Array.from({ length: 40 }, (__, j) => ({ type: 'integer', minimum: i * j + n })),
            },
          },
          { required: [`p${i}`] },
        ),
      ),
    });
    const began = performance.now();
    expect(compare(wide(0), wide(1)).backward).not.toEqual([]);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('whatever the schemas', () => {
  const judge = schemaJudge();
  const valid = (schema: JsonSchema) => {
    const faults = judge.judge(JSON.stringify(schema), schema);
    return (data: unknown): boolean => {
      const found = faults(data);
      // A schema of which the validator makes code that does not run is refused before: none may get here.
      expect(found.filter(({ message }) => message.includes('cannot be used'))).toEqual([]);
      return found.length === 0;
    };
  };
  const usable = (schema: JsonSchema): boolean => judge.check(schema).length === 0;

  const agrees = (before: JsonSchema, after: JsonSchema, data: unknown[]): void => {
    fc.pre(usable(before) && usable(after));
    const { backward, forward } = compare(before, after);
    const [earlier, later] = [valid(before), valid(after)];
    for (const one of data) {
      if (backward.length === 0 && earlier(one)) expect([one, later(one)]).toEqual([one, true]);
      if (forward.length === 0 && later(one)) expect([one, earlier(one)]).toEqual([one, true]);
    }
  };
  const data = fc.array(datum, { minLength: 30, maxLength: 30 });

  test('what compare lets pass, no datum contradicts: edited versions', () => {
    fc.assert(
      fc.property(versions, data, ([before, after], some) => agrees(before, after, some)),
      { numRuns: 1500, endOnFailure: true, interruptAfterTimeLimit: 6000 },
    );
  });

  test('what compare lets pass, no datum contradicts: any two schemas', () => {
    fc.assert(fc.property(jsonSchema, jsonSchema, data, agrees), {
      numRuns: 500,
      endOnFailure: true,
      interruptAfterTimeLimit: 3000,
    });
  });

  test('a version is compatible with itself', () => {
    fc.assert(
      fc.property(jsonSchema, (one) => {
        expect(compare(one, structuredClone(one))).toEqual({ backward: [], forward: [] });
      }),
    );
  });

  test('the properties above speak of something: many edits are compatible one way only', () => {
    const pairs = fc.sample(versions, { numRuns: 300, seed: 1 });
    const found = pairs.map(([before, after]) => compare(before, after));
    expect(
      found.filter(({ backward, forward }) => backward.length === 0 && forward.length > 0).length,
    ).toBeGreaterThan(8);
    expect(
      found.filter(({ backward, forward }) => forward.length === 0 && backward.length > 0).length,
    ).toBeGreaterThan(8);
  });
});
