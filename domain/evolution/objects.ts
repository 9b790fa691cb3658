import type { Fault } from '../../schemas/problem.ts';
import { isObject, type SchemaObject } from '../json-schema/dialect.ts';
import { extreme } from './limits.ts';
import { type Placed, same, type Schema } from './normalise.ts';
import { type Asked, faultAt, type Rule } from './rules.ts';
import { countFaults } from './scalars.ts';

/** The most ways in which schemas for names that nobody lists are combined. */
const MAX_COMBINATIONS = 32;

const mapOf = (value: unknown): Record<string, Schema> =>
  isObject(value) ? (value as Record<string, Schema>) : {};
const namesOf = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : []);

/** The schemas that one schema applies to the member of a name. */
export function membersAt(schema: SchemaObject, name: string, path: string[] = []): Placed[] {
  const own = mapOf(schema['properties']);
  const found: Placed[] = [];
  if (Object.hasOwn(own, name))
    found.push({ schema: own[name] ?? true, path: [...path, 'properties', name] });
  for (const [pattern, inner] of Object.entries(mapOf(schema['patternProperties']))) {
    if (matchesPattern(pattern, name))
      found.push({ schema: inner, path: [...path, 'patternProperties', pattern] });
  }
  const additional = schema['additionalProperties'] as Schema | undefined;
  if (found.length === 0 && additional !== undefined)
    found.push({ schema: additional, path: [...path, 'additionalProperties'] });
  return found;
}

function matchesPattern(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(name);
  } catch {
    return new RegExp(pattern).test(name);
  }
}

/** The names that these schemas require. */
export const requiredIn = (all: SchemaObject[]): Set<string> =>
  new Set(all.flatMap((schema) => namesOf(schema['required'])));

/** Everything that speaks of objects. */
export const objects: Rule = (asked) => {
  const { facts, wanted, path } = asked;
  if (!facts.kinds.has('object')) return [];
  const required = requiredIn(facts.all);
  const missing = namesOf(wanted['required']).flatMap((name, index) =>
    required.has(name) ? [] : [faultAt([...path, 'required', String(index)], `requires ${name}`)],
  );
  const counts = {
    least: Math.max(required.size, extreme(facts.all, 'minProperties', 1) ?? 0),
    most: Math.min(
      mostMembers(facts.all),
      extreme(facts.all, 'maxProperties', -1) ?? Number.POSITIVE_INFINITY,
    ),
  };
  return [
    ...missing,
    ...countFaults(wanted, path, ['minProperties', 'maxProperties'], counts, 'objects'),
    ...namedMembers(asked),
    ...otherMembers(asked),
    ...memberNames(asked),
    ...dependents(asked, required),
    ...('unevaluatedProperties' in wanted
      ? [faultAt([...path, 'unevaluatedProperties'], 'cannot be compared, and so counts as narrower')]
      : []),
  ];
};

const isClosed = (schema: SchemaObject): boolean =>
  schema['additionalProperties'] === false && Object.keys(mapOf(schema['patternProperties'])).length === 0;

const mostMembers = (all: SchemaObject[]): number =>
  Math.min(...all.filter(isClosed).map((schema) => Object.keys(mapOf(schema['properties'])).length));

function listedNames({ facts, wanted }: Asked): Set<string> {
  return new Set([...facts.all, wanted].flatMap((schema) => Object.keys(mapOf(schema['properties']))));
}

function namedMembers(asked: Asked): Fault[] {
  const { facts, wanted, path } = asked;
  return [...listedNames(asked)].flatMap((name) => {
    const given = facts.all.flatMap((schema) => membersAt(schema, name).map(({ schema: inner }) => inner));
    return membersAt(wanted, name, path).flatMap((placed) => {
      const listed = Object.hasOwn(mapOf(wanted['properties']), name);
      const faults = asked.below(given, placed);
      return listed ? faults : faults.map((fault) => ({ ...fault, message: `${name}: ${fault.message}` }));
    });
  });
}

/** Members of names that neither side lists: by the patterns that they may match, or as additional ones. */
function otherMembers(asked: Asked): Fault[] {
  const { facts, wanted, path } = asked;
  const patterns = mapOf(wanted['patternProperties']);
  const additional = wanted['additionalProperties'] as Schema | undefined;
  const places: (Placed & { options: (schema: SchemaObject) => Schema[] })[] = Object.entries(patterns).map(
    ([pattern, schema]) => ({
      schema,
      path: [...path, 'patternProperties', pattern],
      options: (given) => {
        const own = mapOf(given['patternProperties']);
        return Object.hasOwn(own, pattern) ? [own[pattern] ?? true] : optionsOf(given, []);
      },
    }),
  );
  if (additional !== undefined) {
    const options = (given: SchemaObject): Schema[] => optionsOf(given, Object.keys(patterns));
    places.push({ schema: additional, path: [...path, 'additionalProperties'], options });
  }
  return places.flatMap(({ options, ...placed }) => {
    for (const given of combinations(facts.all.map(options))) {
      const faults = asked.below(given, placed);
      if (faults.length > 0) return faults;
    }
    return [];
  });
}

/** By which schema a member of an unlisted name may be judged: one of each pattern that it may match, or as additional. */
function optionsOf(schema: SchemaObject, unmatched: string[]): Schema[] {
  const patterns = Object.entries(mapOf(schema['patternProperties'])).filter(
    ([pattern]) => !unmatched.includes(pattern),
  );
  return [
    (schema['additionalProperties'] as Schema | undefined) ?? true,
    ...patterns.map(([, inner]) => inner),
  ];
}

/** One of each list, in every way; where these are too many, only lists that leave no choice count. */
function combinations(lists: Schema[][]): Schema[][] {
  const ways = lists.reduce((product, list) => product * list.length, 1);
  const counted = ways > MAX_COMBINATIONS ? lists.filter((list) => list.length === 1) : lists;
  return counted.reduce<Schema[][]>(
    (found, list) => found.flatMap((way) => list.map((schema) => [...way, schema])),
    [[]],
  );
}

function memberNames(asked: Asked): Fault[] {
  const { facts, wanted, path } = asked;
  if (!('propertyNames' in wanted)) return [];
  const given = facts.all.flatMap((schema): Schema[] => {
    const closed = isClosed(schema) ? [{ enum: Object.keys(mapOf(schema['properties'])) }] : [];
    return 'propertyNames' in schema ? [...closed, schema['propertyNames'] as Schema] : closed;
  });
  const placed = { schema: wanted['propertyNames'] as Schema, path: [...path, 'propertyNames'] };
  return asked.below([{ type: 'string' }, ...given], placed);
}

function dependents({ facts, from, to, wanted, path, here }: Asked, required: Set<string>): Fault[] {
  const names = Object.entries(mapOf(wanted['dependentRequired'])).flatMap(([name, asks]) => {
    const known = new Set([
      ...required,
      ...facts.all.flatMap((schema) => namesOf(mapOf(schema['dependentRequired'])[name])),
    ]);
    return namesOf(asks)
      .filter((one) => one !== name && !known.has(one))
      .map((one) =>
        faultAt([...path, 'dependentRequired', name], `requires ${one} where ${name} is present`),
      );
  });
  const schemas = Object.entries(mapOf(wanted['dependentSchemas'])).flatMap(([name, schema]) =>
    here({ schema, path: [...path, 'dependentSchemas', name] }).length === 0 ||
    facts.all.some((given) => {
      const own = mapOf(given['dependentSchemas']);
      const inner = Object.hasOwn(own, name) ? own[name] : undefined;
      return inner !== undefined && same(inner, from, schema, to);
    })
      ? []
      : [faultAt([...path, 'dependentSchemas', name], 'cannot be compared, and so counts as narrower')],
  );
  return [...names, ...schemas];
}
