/** The `$schema` of the one dialect that the mesh speaks. */
export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Where a keyword holds schemas, and whether they judge the same place in the data or one below it. */
interface Applicator {
  holds: 'schema' | 'list' | 'map';
  place: 'same' | 'below' | 'none';
}

const same = (holds: Applicator['holds']): Applicator => ({ holds, place: 'same' });
const below = (holds: Applicator['holds']): Applicator => ({ holds, place: 'below' });

/** The keywords of 2020-12 that hold schemas. `definitions` is the old name that the dialect still knows. */
const APPLICATORS: Readonly<Record<string, Applicator>> = {
  allOf: same('list'),
  anyOf: same('list'),
  oneOf: same('list'),
  not: same('schema'),
  if: same('schema'),
  then: same('schema'),
  else: same('schema'),
  dependentSchemas: same('map'),
  properties: below('map'),
  patternProperties: below('map'),
  additionalProperties: below('schema'),
  unevaluatedProperties: below('schema'),
  propertyNames: below('schema'),
  items: below('schema'),
  prefixItems: below('list'),
  contains: below('schema'),
  unevaluatedItems: below('schema'),
  $defs: { holds: 'map', place: 'none' },
  definitions: { holds: 'map', place: 'none' },
};

const ASSERTIONS_AND_ANNOTATIONS = [
  ...['$id', '$schema', '$ref', '$anchor', '$comment'],
  ...['type', 'enum', 'const', 'multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum'],
  ...[
    'maxLength',
    'minLength',
    'pattern',
    'maxItems',
    'minItems',
    'uniqueItems',
    'maxContains',
    'minContains',
  ],
  ...['maxProperties', 'minProperties', 'required', 'dependentRequired', 'format'],
  ...['title', 'description', 'default', 'deprecated', 'readOnly', 'writeOnly', 'examples'],
  ...['contentEncoding', 'contentMediaType', 'contentSchema'],
];

/**
 * Every keyword of the dialect that the mesh knows. `$dynamicRef` is not among them: ajv resolves it otherwise than the
 * specification says in many cases of its official tests, and data would be judged by another schema than was meant.
 */
export const KEYWORDS: ReadonlySet<string> = new Set([
  ...Object.keys(APPLICATORS),
  ...ASSERTIONS_AND_ANNOTATIONS,
]);

/** The formats of 2020-12 that are asserted; the internationalised ones (`idn-…`, `iri…`) are not among them. */
export const FORMATS = [
  ...['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uri-reference'],
  ...['uri-template', 'uuid', 'json-pointer', 'relative-json-pointer', 'regex'],
] as const;

/** A schema that is an object; a boolean one holds nothing. */
export type SchemaObject = Record<string, unknown>;

/** A schema within a schema: by which keyword and path, judging which place of the data. */
export interface Subschema {
  path: string[];
  place: Applicator['place'];
  schema: SchemaObject;
}

/** Whether a value can be an object schema. */
export const isObject = (value: unknown): value is SchemaObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schemas directly within a schema; what is not one is passed over, since the meta-schema tells of it. */
export function subschemas(schema: SchemaObject): Subschema[] {
  return Object.entries(schema).flatMap(([keyword, value]) => {
    const applicator = Object.hasOwn(APPLICATORS, keyword) ? APPLICATORS[keyword] : undefined;
    if (!applicator) return [];
    const held: [string[], unknown][] =
      applicator.holds === 'schema'
        ? [[[keyword], value]]
        : Object.entries(isObject(value) || Array.isArray(value) ? value : {}).map(([name, one]) => [
            [keyword, name],
            one,
          ]);
    return held.flatMap(([path, one]) =>
      isObject(one) ? [{ path, place: applicator.place, schema: one }] : [],
    );
  });
}
