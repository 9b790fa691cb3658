import { describe, expect, it } from 'vitest';
import { schemaJudge } from '../../adapters/json-schema/judge.ts';
import { SCHEMA_LIMITS } from '../../adapters/json-schema/check.ts';
import type { JsonSchema } from '../../schemas/dataset.ts';

const judge = schemaJudge();
const paths = (schema: JsonSchema): string[] => judge.check(schema).map(({ path }) => path);
let number = 0;
const faults = (schema: JsonSchema, data: unknown) => {
  expect(judge.check(schema)).toEqual([]);
  number += 1;
  return judge.judge(`schema ${number}`, schema)(data);
};

describe('data', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://example.org/co2',
    type: 'object',
    required: ['co2', 'at'],
    additionalProperties: false,
    properties: {
      co2: { type: 'number', minimum: 0 },
      at: { type: 'string', format: 'date-time' },
      room: { type: 'string', pattern: '^[A-Z]{2}-\\d{3}$' },
      quality: { enum: ['good', 'bad'] },
      kind: { const: 'indoor' },
      sensors: { type: 'array', items: { type: 'object', properties: { 'a/b~c': { type: 'integer' } } } },
    },
  };

  it('that obeys has no fault', () => {
    expect(
      faults(schema, {
        co2: 812,
        at: '2026-11-20T10:00:00Z',
        room: 'AB-123',
        quality: 'good',
        sensors: [{}],
      }),
    ).toEqual([]);
  });

  it('that does not has every fault, each at its place', () => {
    const data = {
      co2: -1,
      room: 'ab-123',
      quality: 'ugly',
      kind: 'outdoor',
      sensors: [{}, { 'a/b~c': 1.5 }],
      'x/y': 1,
    };
    expect(new Set(faults(schema, data))).toEqual(
      new Set([
        { path: '/data/at', message: 'is required' },
        { path: '/data/x~1y', message: 'is not allowed here' },
        { path: '/data/co2', message: 'must be >= 0' },
        { path: '/data/room', message: 'must match pattern "^[A-Z]{2}-\\d{3}$"' },
        { path: '/data/quality', message: 'must be one of "good", "bad"' },
        { path: '/data/kind', message: 'must be "indoor"' },
        { path: '/data/sensors/1/a~1b~0c', message: 'must be integer' },
      ]),
    );
  });

  it.each([undefined, null, 'text', 7, []])(
    'that is %j, where an object is due, has its fault at /data',
    (data) => {
      expect(faults(schema, data)).toEqual([{ path: '/data', message: 'must be object' }]);
    },
  );

  it('tells places of names, dependencies and what nothing evaluated', () => {
    expect(faults({ propertyNames: { maxLength: 3 } }, { long: 1 }).map(({ path }) => path)).toContain(
      '/data/long',
    );
    expect(faults({ dependentRequired: { a: ['b'] } }, { a: 1 })).toEqual([
      { path: '/data/b', message: 'is required where a is present' },
    ]);
    const unevaluated = { allOf: [{ properties: { a: true } }], unevaluatedProperties: false };
    expect(faults(unevaluated, { a: 1, b: 2 })).toEqual([
      { path: '/data/b', message: 'is not allowed here' },
    ]);
  });

  it('never finds its values in the faults', () => {
    const told = JSON.stringify(
      faults(schema, { co2: 'Mme Durand', at: 'rue Verdière', room: 'salle', quality: 'Lycée' }),
    );
    for (const value of ['Durand', 'Verdière', 'salle', 'Lycée']) expect(told).not.toContain(value);
  });

  it('is told of at most a hundred faults', () => {
    expect(
      faults(
        { items: { type: 'string' } },
        Array.from({ length: 5000 }, () => 1),
      ),
    ).toHaveLength(100);
  });

  it.each([
    ['date-time', '2026-11-20T10:00:00Z', '2026-11-20 10:00'],
    ['date', '2026-11-20', '20/11/2026'],
    ['email', 'a@b.fr', 'a b'],
    ['uri', 'https://a.fr/x', 'not a uri'],
    ['uuid', 'f0d1df7f-8a71-4393-95f9-a0b4344f091d', 'f0d1'],
    ['ipv4', '8.8.8.8', '8.8.8.800'],
    ['duration', 'PT5M', '5 min'],
  ])('has its %s asserted', (format, good, bad) => {
    expect(faults({ format }, good)).toEqual([]);
    expect(faults({ format }, bad)).toHaveLength(1);
  });

  it('with members named like those that every object has is judged like any other', () => {
    const builder = {
      required: ['constructor'],
      properties: { constructor: { type: 'string' }, toString: { type: 'number' } },
    };
    expect(faults(builder, {})).toEqual([{ path: '/data/constructor', message: 'is required' }]);
    expect(faults(builder, { constructor: 'Bouygues' })).toEqual([]);
  });

  it('is matched by patterns as JSON Schema means them: anywhere, and each pattern by itself', () => {
    const schema2 = { properties: { a: { pattern: 'b+' }, b: { pattern: '^c$' } } };
    expect(faults(schema2, { a: 'abc', b: 'c' })).toEqual([]);
    expect(faults(schema2, { a: 'c', b: 'b' }).map(({ path }) => path)).toEqual(['/data/a', '/data/b']);
    expect(faults({ patternProperties: { '^x': { type: 'number' } } }, { xa: 'no', ya: 'yes' })).toEqual([
      { path: '/data/xa', message: 'must be number' },
    ]);
  });
});

describe('a schema', () => {
  it.each([
    true,
    false,
    {},
    { type: 'string' },
    { $schema: 'https://json-schema.org/draft/2020-12/schema#' },
  ])('%j is one', (schema) => expect(judge.check(schema)).toEqual([]));

  it('has every fault told, each at its place', () => {
    const wrong = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      properties: {
        a: { typ: 'string' },
        b: { pattern: '(?=look)around' },
        c: { format: 'iban' },
        d: { $ref: '#/$defs/missing' },
        e: { $ref: 'https://example.org/other.json' },
        f: { minLength: -1 },
        g: { items: [{ type: 'string' }] },
        'h/i': { nullable: true },
      },
      patternProperties: { '(a)\\1': {} },
      'x-colour': 'red',
    };
    expect(new Set(paths(wrong))).toEqual(
      new Set([
        '/$schema',
        '/properties/a/typ',
        '/properties/b/pattern',
        '/properties/c/format',
        '/properties/d/$ref',
        '/properties/e/$ref',
        '/properties/f/minLength',
        '/properties/g/items',
        '/properties/h~1i/nullable',
        '/patternProperties/(a)\\1',
        '/x-colour',
      ]),
    );
  });

  it('may refer to its own parts by pointer, anchor and id, and to itself below', () => {
    const tree = {
      $id: 'https://example.org/tree',
      $ref: '#node',
      $defs: {
        node: {
          $anchor: 'node',
          type: 'object',
          properties: { left: { $ref: '#/$defs/node' }, leaf: { $ref: 'leaf' } },
        },
        leaf: { $id: 'leaf', type: 'number' },
      },
    };
    expect(faults(tree, { left: { left: { leaf: 'x' } } })).toEqual([
      { path: '/data/left/left/leaf', message: 'must be number' },
    ]);
    expect(
      faults({ properties: { next: { $ref: '#' } }, additionalProperties: false }, { next: { no: 1 } }),
    ).toEqual([{ path: '/data/next/no', message: 'is not allowed here' }]);
  });

  it('may have the id of another: they are judged apart', () => {
    const one = { $id: 'https://example.org/same', type: 'string' };
    const two = { $id: 'https://example.org/same', type: 'number' };
    expect([faults(one, 'x'), faults(two, 1), faults(one, 1).length]).toEqual([[], [], 1]);
  });
});

describe('a schema made to do harm', () => {
  const within = <Result>(limitMs: number, work: () => Result): Result => {
    const begun = Date.now();
    const result = work();
    expect(Date.now() - begun).toBeLessThan(limitMs);
    return result;
  };
  const nested = (depth: number): JsonSchema =>
    Array.from({ length: depth }).reduce<JsonSchema>((inner) => ({ items: inner }), {});

  it('is refused when it is too deep, too large or holds too many schemas', () => {
    expect(judge.check(nested(SCHEMA_LIMITS.depth - 1))).toEqual([]);
    for (const bomb of [
      nested(100_000),
      { description: 'x'.repeat(SCHEMA_LIMITS.bytes) },
      { allOf: Array.from({ length: SCHEMA_LIMITS.schemas + 1 }, () => ({})) },
    ]) {
      expect(within(2000, () => judge.check(bomb))).toEqual([
        { path: '', message: expect.stringMatching(/at most/) },
      ]);
    }
  });

  it('is refused when it applies itself without end', () => {
    expect(paths({ $ref: '#' })).toEqual(['']);
    expect(
      paths({
        $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } },
        $ref: '#/$defs/a',
      }),
    ).toHaveLength(1);
  });

  it.each(['same place', 'below'])('is refused when its references multiply: %s', (where) => {
    const doubled = (index: number): JsonSchema => {
      const reference = { $ref: `#/$defs/n${index + 1}` };
      return {
        allOf:
          where === 'below'
            ? [{ properties: { a: reference } }, { properties: { a: reference } }]
            : [reference, reference],
      };
    };
    const $defs = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`n${index}`, doubled(index)]));
    const bomb = { $defs: { ...$defs, n30: {} }, $ref: '#/$defs/n0' };
    expect(within(2000, () => judge.check(bomb))).toEqual([
      { path: '', message: expect.stringContaining('multiply') },
    ]);
  });

  it('cannot hold up the mesh by data that it makes costly', () => {
    const branching = {
      $defs: {
        n: { properties: { n: { anyOf: [{ $ref: '#/$defs/n' }, { $ref: '#/$defs/n' }] } }, type: 'object' },
      },
      $ref: '#/$defs/n',
    };
    const deep = Array.from({ length: 40 }).reduce<unknown>((inner) => ({ n: inner }), 'leaf');
    const tooCostly = [{ path: '/data', message: expect.stringContaining('too deep or too large') }];
    expect(within(2000, () => faults(branching, deep))).toEqual(tooCostly);
    const endless = Array.from({ length: 100_000 }).reduce<unknown>((inner) => ({ n: inner }), {});
    expect(within(2000, () => faults({ properties: { n: { $ref: '#' } } }, endless))).toEqual(tooCostly);
    const many = Array.from({ length: 20_000 }, (_, index) => ({ index, text: 'x'.repeat(20) }));
    within(4000, () => faults({ uniqueItems: true }, many));
  });

  it('cannot hold up the mesh by a pattern or a format', () => {
    within(2000, () => {
      faults({ pattern: '^(a+)+$' }, `${'a'.repeat(50_000)}!`);
      faults({ pattern: '(x+x+)+y' }, 'x'.repeat(50_000));
    });
    const lures = [
      'a',
      'a.',
      'a-',
      '1',
      '1.',
      ':',
      '0:',
      'a@',
      'a@a.',
      '/',
      '%41',
      '{',
      '{a,',
      'P1',
      '2026-',
      'é',
    ];
    for (const format of [
      'date',
      'time',
      'date-time',
      'duration',
      'email',
      'hostname',
      'ipv4',
      'ipv6',
      'uri',
      'uri-reference',
      'uri-template',
      'uuid',
      'json-pointer',
      'relative-json-pointer',
      'regex',
    ]) {
      for (const lure of lures)
        within(1500, () => faults({ format }, `${lure.repeat(Math.ceil(60_000 / lure.length))}\n!`));
    }
  });
});

describe('compiled schemas', () => {
  it('are compiled once by id, and the least recently used gives way', () => {
    const small = schemaJudge({ kept: 2 });
    const [a, b] = [small.judge('a', true), small.judge('b', true)];
    expect(small.judge('a', true)).toBe(a);
    small.judge('c', true);
    expect(small.judge('a', true)).toBe(a);
    expect(small.judge('b', true)).not.toBe(b);
  });
});

describe('a schema of which the validator makes code that does not run', () => {
  const items = { prefixItems: [true] };
  const schema = {
    oneOf: [
      { if: { $ref: '#/$defs/one' }, then: {}, else: { properties: { a: true } } },
      { dependentSchemas: { a: { type: 'object' } } },
    ],
    $defs: {
      one: {
        if: { not: {}, oneOf: [items, { properties: { a: true } }] },
        then: { dependentSchemas: { a: true }, oneOf: [true, items] },
        else: { oneOf: [items, true] },
      },
    },
  };

  it('is refused when it is put, with what to do', () => {
    expect(judge.check(schema)).toEqual([
      { path: '', message: expect.stringMatching(/^cannot be used: .*write out what a \$ref/) },
    ]);
  });

  it('that was taken before refuses data, and never throws', () => {
    expect(schemaJudge().judge('from before', schema)(null)).toEqual([
      { path: '/data', message: expect.stringContaining('its schema cannot be used') },
    ]);
  });

  it('is none whose own names look like those of the code', () => {
    const named = { properties: { props0: { const: 'items1' }, items2: { enum: ['props3 is \\" not'] } } };
    expect(judge.check({ ...named, unevaluatedProperties: false })).toEqual([]);
    expect(
      judge.check({ allOf: [{ $ref: '#/$defs/a' }], $defs: { a: named }, unevaluatedProperties: false }),
    ).toEqual([]);
  });
});
