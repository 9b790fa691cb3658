import fc from 'fast-check';
import type { JsonSchema } from '../../../schemas/dataset.ts';
import { isObject, subschemas, type SchemaObject } from '../../../domain/json-schema/dialect.ts';

const names = ['a', 'b', 'xa', 'xb'];
const name = fc.constantFrom(...names);
const number = fc.constantFrom(-1, 0, 0.5, 1, 2, 3, 4);
const count = fc.integer({ min: 0, max: 3 });
const scalar = fc.oneof(number, fc.constantFrom('', 'a', 'ab', 'abc', '2026-01-01', null, true, false));
const type = fc.constantFrom('null', 'boolean', 'object', 'array', 'string', 'integer', 'number');
const optional = { requiredKeys: [] };

/** JSON out of few names and values, so that schemas and data meet. */
export const datum: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

const { schema } = fc.letrec<{ schema: JsonSchema; list: JsonSchema[] }>((tie) => {
  const inner = tie('schema');
  const branches = fc.array(inner, { minLength: 1, maxLength: 3 });
  return {
    list: branches,
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom<JsonSchema>(true, {}, false, { $ref: '#/$defs/one' }, { $ref: '#/$defs/two' }),
      type.map((given) => ({ type: given })),
      fc.uniqueArray(type, { minLength: 1, maxLength: 4 }).map((given) => ({ type: given })),
      fc.uniqueArray(scalar, { minLength: 1, maxLength: 4 }).map((values) => ({ enum: values })),
      fc.oneof(scalar, datum).map((value) => ({ const: value })),
      fc.record(
        {
          type: fc.constantFrom('integer', 'number'),
          minimum: number,
          exclusiveMinimum: number,
          maximum: number,
          exclusiveMaximum: number,
          multipleOf: fc.constantFrom(0.5, 1, 2, 4),
        },
        optional,
      ),
      fc.record(
        {
          type: fc.constant('string'),
          minLength: count,
          maxLength: count,
          pattern: fc.constantFrom('^a', 'b$'),
          format: fc.constant('date'),
        },
        optional,
      ),
      fc.record(
        {
          type: fc.constant('object'),
          properties: fc.dictionary(name, inner, { maxKeys: 3, noNullPrototype: true }),
          patternProperties: fc.dictionary(fc.constantFrom('^x', 'a$'), inner, {
            maxKeys: 2,
            noNullPrototype: true,
          }),
          additionalProperties: inner,
          required: fc.uniqueArray(name, { maxLength: 2 }),
          minProperties: count,
          maxProperties: count,
          propertyNames: inner,
          dependentRequired: fc.dictionary(name, fc.uniqueArray(name, { maxLength: 2 }), {
            maxKeys: 1,
            noNullPrototype: true,
          }),
          dependentSchemas: fc.dictionary(name, inner, { maxKeys: 1, noNullPrototype: true }),
        },
        optional,
      ),
      fc.record(
        {
          type: fc.constant('array'),
          items: inner,
          prefixItems: branches,
          minItems: count,
          maxItems: count,
          uniqueItems: fc.boolean(),
          contains: inner,
          unevaluatedItems: inner,
        },
        optional,
      ),
      fc.record(
        { allOf: branches, anyOf: branches, oneOf: branches, not: inner, unevaluatedProperties: inner },
        optional,
      ),
      fc.record({ if: inner, then: inner, else: inner }, { requiredKeys: ['if'] }),
    ) as fc.Arbitrary<JsonSchema>,
  };
});

/** A schema with two definitions, which may refer to each other. */
export const jsonSchema: fc.Arbitrary<SchemaObject> = fc
  .tuple(schema, schema, schema)
  .map(([root, one, two]) => ({ ...(isObject(root) ? root : { allOf: [root] }), $defs: { one, two } }));

/** One edit of one of a schema's schemas, by numbers that are taken modulo what there is. */
const edit = fc.record({
  at: fc.nat(),
  keyword: fc.nat(),
  other: schema,
  how: fc.constantFrom('drop', 'drop', 'merge', 'or', 'and', 'only', 'require', 'close', 'open', 'loosen'),
});

/** A version and the one that edits make of it. */
export const versions: fc.Arbitrary<[SchemaObject, SchemaObject]> = fc
  .tuple(jsonSchema, fc.array(edit, { minLength: 1, maxLength: 2 }))
  .map(([before, edits]) => {
    const after = structuredClone(before);
    // Cloned: two edits may have the very same schema, which would then hold itself.
    for (const one of edits) apply(after, structuredClone(one));
    return [before, after];
  });

function all(schemas: SchemaObject[]): SchemaObject[] {
  return schemas.flatMap((one) => [one, ...all(subschemas(one).map((inner) => inner.schema))]);
}

function apply(
  root: SchemaObject,
  { at, keyword, other, how }: typeof edit extends fc.Arbitrary<infer E> ? E : never,
) {
  const places = all([root]);
  const place = places[at % places.length] ?? root;
  const keywords = Object.keys(place).filter((one) => one !== '$defs');
  const chosen = keywords[keyword % Math.max(1, keywords.length)];
  const { $defs, ...rest } = structuredClone(place);
  const become = (made: SchemaObject): void => {
    for (const one of Object.keys(place)) Reflect.deleteProperty(place, one);
    Object.assign(place, made, $defs === undefined ? {} : { $defs });
  };
  switch (how) {
    case 'drop':
      if (chosen !== undefined) Reflect.deleteProperty(place, chosen);
      return;
    case 'merge':
      return become({ ...rest, ...(isObject(other) ? other : {}) });
    case 'or':
      return become({ anyOf: [rest, other] });
    case 'and':
      return become({ allOf: [rest, other] });
    case 'only':
      return become({ oneOf: [other, rest] });
    case 'require':
      return become({ ...rest, required: ['a'] });
    case 'close':
      return become({ ...rest, additionalProperties: false });
    case 'open':
      return become({
        ...rest,
        properties: { ...(isObject(rest['properties']) ? rest['properties'] : {}), b: other },
      });
    case 'loosen':
      return become({ ...rest, minimum: -5, minItems: 0 });
  }
}
