import { isObject, type SchemaObject } from '../json-schema/dialect.ts';
import { kindOf, kindsOf } from './kinds.ts';
import { limitOf } from './limits.ts';
import { equal, type Schema, type Side, targetOf } from './normalise.ts';

type Answer = boolean | undefined;

/** Keywords that say nothing of a value by themselves. */
const SILENT = new Set([
  '$id',
  '$anchor',
  '$defs',
  'definitions',
  'then',
  'else',
  'minContains',
  'maxContains',
]);
const MAX_DEPTH = 32;

/** Whether one value obeys a schema; undefined where that is not told by simple means (patterns, formats, members). */
export function holds(side: Side, value: unknown, schema: Schema, depth = 0): Answer {
  if (!isObject(schema)) return schema;
  if (depth > MAX_DEPTH) return undefined;
  return every(
    Object.entries(schema).map(([keyword, given]) =>
      SILENT.has(keyword) ? true : obeys(side, value, schema, keyword, given, depth + 1),
    ),
  );
}

function obeys(
  side: Side,
  value: unknown,
  schema: SchemaObject,
  keyword: string,
  given: unknown,
  depth: number,
): Answer {
  const branches = (): Answer[] => (given as Schema[]).map((branch) => holds(side, value, branch, depth));
  switch (keyword) {
    case 'type':
      return kindsOf(given).has(kindOf(value));
    case 'const':
      return equal(given, value);
    case 'enum':
      return (given as unknown[]).some((one) => equal(one, value));
    case '$ref': {
      const target = targetOf(side, schema);
      return target && holds(side, value, target.schema, depth);
    }
    case 'allOf':
      return every(branches());
    case 'anyOf':
      return not(every(branches().map(not)));
    case 'oneOf': {
      const answers = branches();
      return answers.includes(undefined) ? undefined : answers.filter(Boolean).length === 1;
    }
    case 'not':
      return not(holds(side, value, given as Schema, depth));
    default:
      return obeysByKind(value, schema, keyword);
  }
}

const NUMERIC = new Set(['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum']);
const OF_KIND: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: [...NUMERIC, 'multipleOf'],
  array: ['items', 'prefixItems', 'contains', 'minItems', 'maxItems', 'uniqueItems', 'unevaluatedItems'],
  object: [
    ...['properties', 'patternProperties', 'additionalProperties', 'propertyNames', 'unevaluatedProperties'],
    ...['required', 'minProperties', 'maxProperties', 'dependentRequired', 'dependentSchemas'],
  ],
};

function obeysByKind(value: unknown, schema: SchemaObject, keyword: string): Answer {
  const kind = kindOf(value);
  const name = kind === 'integer' || kind === 'fraction' ? 'number' : kind;
  const group = Object.entries(OF_KIND).find(([, keywords]) => keywords.includes(keyword))?.[0];
  if (group === undefined) return undefined;
  if (group !== name) return true;
  const given = schema[keyword];
  if (typeof value === 'number' && NUMERIC.has(keyword)) return withinLimits(value, { [keyword]: given });
  if (typeof value === 'string' && typeof given === 'number') {
    const length = [...value].length;
    return keyword === 'minLength' ? length >= given : length <= given;
  }
  return undefined;
}

function withinLimits(value: number, schema: SchemaObject): boolean {
  const low = limitOf(schema, 1, false);
  const high = limitOf(schema, -1, false);
  const below = low && (low.exclusive ? value <= low.at : value < low.at);
  const above = high && (high.exclusive ? value >= high.at : value > high.at);
  return !below && !above;
}

const not = (answer: Answer): Answer => (answer === undefined ? undefined : !answer);

/** False where any is; true where all are. */
function every(answers: Answer[]): Answer {
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}
