import { isObject, type SchemaObject } from '../json-schema/dialect.ts';
import { equal, type Schema, type Side, targetOf } from './normalise.ts';
import { common, type Kind, kindOf, KINDS, kindsOf } from './kinds.ts';
import { type Limit, limitOf, tightest } from './limits.ts';
import { holds } from './values.ts';

/** What is certain of all data that obeys several schemas at once. Nothing here is ever too narrow. */
export interface Facts {
  /** The object schemas among them, `allOf` and `$ref` followed. */
  all: SchemaObject[];
  kinds: ReadonlySet<Kind>;
  /** The only possible values, where `enum` or `const` lists them. */
  values: unknown[] | undefined;
  /** No data obeys them all. */
  impossible: boolean;
}

/** All schemas that apply together with these to the same value: `allOf` and `$ref` are followed. */
export function conjuncts(side: Side, schemas: readonly Schema[]): Schema[] {
  const found = new Set<Schema>();
  const waiting = [...schemas];
  for (let schema = waiting.pop(); schema !== undefined; schema = waiting.pop()) {
    if (schema === true || found.has(schema)) continue;
    found.add(schema);
    if (schema === false) continue;
    if (Array.isArray(schema['allOf'])) waiting.push(...(schema['allOf'] as Schema[]));
    const target = targetOf(side, schema);
    if (target) waiting.push(target.schema);
  }
  return [...found];
}

/** What is certain of all data that obeys these schemas. */
export function factsOf(side: Side, schemas: readonly Schema[], depth = 0): Facts {
  const found = conjuncts(side, schemas);
  const all = found.filter(isObject);
  let kinds = new Set<Kind>(KINDS);
  let values: unknown[] | undefined;
  for (const schema of all) {
    if (schema['type'] !== undefined) kinds = common(kinds, kindsOf(schema['type']));
    const listed = listedValues(schema);
    if (listed) values = values ? values.filter((value) => listed.some((one) => equal(one, value))) : listed;
    for (const branches of [schema['anyOf'], schema['oneOf']]) {
      if (!Array.isArray(branches) || depth > 3) continue;
      const possible = (branches as Schema[]).map((branch) => factsOf(side, [branch], depth + 1));
      kinds = common(kinds, new Set(possible.flatMap((facts) => (facts.impossible ? [] : [...facts.kinds]))));
    }
  }
  values ??= countable(kinds);
  if (values) {
    values = values.filter(
      (value) => kinds.has(kindOf(value)) && !all.some((schema) => holds(side, value, schema) === false),
    );
    kinds = common(kinds, new Set(values.map(kindOf)));
  }
  return { all, kinds, values, impossible: found.includes(false) || kinds.size === 0 };
}

function listedValues(schema: SchemaObject): unknown[] | undefined {
  if ('const' in schema) return [schema['const']];
  return Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : undefined;
}

/** The values of kinds that have only a few. */
function countable(kinds: ReadonlySet<Kind>): unknown[] | undefined {
  const few = [...kinds].every((kind) => kind === 'null' || kind === 'boolean');
  if (!few) return undefined;
  return [...(kinds.has('null') ? [null] : []), ...(kinds.has('boolean') ? [true, false] : [])];
}

/** The tightest limit below (sign 1) or above (sign -1) that these facts are certain of. */
export function limitIn({ all, kinds, values }: Facts, sign: 1 | -1): Limit | undefined {
  const whole = !kinds.has('fraction');
  const limits = all.flatMap((schema) => limitOf(schema, sign, whole) ?? []);
  const numbers = values?.filter((value) => typeof value === 'number');
  if (numbers && numbers.length > 0) {
    limits.push({ at: sign === 1 ? Math.min(...numbers) : Math.max(...numbers), exclusive: false });
  }
  return tightest(limits, sign);
}
