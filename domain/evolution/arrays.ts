import type { Fault } from '../../schemas/problem.ts';
import type { SchemaObject } from '../json-schema/dialect.ts';
import { extreme } from './limits.ts';
import { type Placed, same, type Schema } from './normalise.ts';
import { type Asked, faultAt, type Rule } from './rules.ts';
import { countFaults } from './scalars.ts';

const prefixOf = (schema: SchemaObject): Schema[] =>
  Array.isArray(schema['prefixItems']) ? (schema['prefixItems'] as Schema[]) : [];

/** The schema that one schema applies to the element at an index; undefined where it applies none. */
function elementAt(schema: SchemaObject, index: number, path: string[] = []): Placed | undefined {
  const prefix = prefixOf(schema);
  if (index < prefix.length)
    return { schema: prefix[index] ?? true, path: [...path, 'prefixItems', String(index)] };
  return 'items' in schema ? { schema: schema['items'] as Schema, path: [...path, 'items'] } : undefined;
}

/** Everything that speaks of arrays. */
export const arrays: Rule = (asked) => {
  const { facts, wanted, path } = asked;
  if (!facts.kinds.has('array')) return [];
  const counts = { least: extreme(facts.all, 'minItems', 1), most: extreme(facts.all, 'maxItems', -1) };
  const unique =
    wanted['uniqueItems'] !== true ||
    (counts.most ?? 2) <= 1 ||
    facts.all.some((schema) => schema['uniqueItems'] === true);
  return [
    ...countFaults(wanted, path, ['minItems', 'maxItems'], counts, 'arrays'),
    ...(unique ? [] : [faultAt([...path, 'uniqueItems'], 'does not allow equal elements')]),
    ...elements(asked, counts.most ?? Number.POSITIVE_INFINITY),
    ...contained(asked),
    ...('unevaluatedItems' in wanted
      ? [faultAt([...path, 'unevaluatedItems'], 'cannot be compared, and so counts as narrower')]
      : []),
  ];
};

function elements({ facts, wanted, path, below }: Asked, most: number): Fault[] {
  const listed = Math.max(0, ...[...facts.all, wanted].map((schema) => prefixOf(schema).length));
  // The index behind all that are listed stands for every later one.
  const indices = Array.from({ length: listed + 1 }, (_, index) => index).filter((index) => index < most);
  return indices.flatMap((index) => {
    const placed = elementAt(wanted, index, path);
    const given = facts.all.flatMap((schema) => [elementAt(schema, index)?.schema ?? true]);
    return placed ? below(given, placed) : [];
  });
}

function contained({ facts, from, to, wanted, path }: Asked): Fault[] {
  if (!('contains' in wanted)) return [];
  const { minContains = 1, maxContains } = wanted;
  if (minContains === 0 && maxContains === undefined) return [];
  const known = facts.all.some(
    (schema) =>
      'contains' in schema &&
      (schema['minContains'] ?? 1) === minContains &&
      schema['maxContains'] === maxContains &&
      same(schema['contains'] as Schema, from, wanted['contains'] as Schema, to),
  );
  return known ? [] : [faultAt([...path, 'contains'], 'cannot be compared, and so counts as narrower')];
}
