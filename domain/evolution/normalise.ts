import type { JsonSchema } from '../../schemas/dataset.ts';
import { isObject, KEYWORDS, type SchemaObject, subschemas } from '../json-schema/dialect.ts';
import { type Node, readDocument, type SchemaDocument } from '../json-schema/references.ts';

/** A schema wherever one may stand. */
export type Schema = boolean | SchemaObject;

/** A schema and where it stands in its document. */
export interface Placed {
  schema: Schema;
  path: string[];
}

/** One of two schemas that are compared: without what says nothing of the data, its references resolved. */
export interface Side {
  root: Placed;
  document: SchemaDocument | undefined;
  /** Keywords that nobody here knows, by place. */
  unknown: string[][];
}

const ANNOTATIONS = new Set([
  ...['$comment', '$schema', 'title', 'description', 'default', 'deprecated', 'readOnly', 'writeOnly'],
  ...['examples', 'contentEncoding', 'contentMediaType', 'contentSchema'],
]);

/** Reads a schema for comparison; the given one stays as it is. */
export function sideOf(schema: JsonSchema): Side {
  if (!isObject(schema)) return { root: { schema, path: [] }, document: undefined, unknown: [] };
  const copy = structuredClone(schema);
  const document = readDocument(copy);
  for (const node of document.nodes.keys())
    for (const name of ANNOTATIONS) Reflect.deleteProperty(node, name);
  const unknown = [...document.nodes.values()].flatMap((node) =>
    Object.keys(node.schema)
      .filter((keyword) => !KEYWORDS.has(keyword))
      .map((keyword) => [...node.pointer, keyword]),
  );
  return { root: { schema: copy, path: [] }, document, unknown };
}

/** What a schema's `$ref` leads to; undefined without one, or where it cannot be told. */
export function targetOf({ document }: Side, schema: SchemaObject): Node | undefined {
  const reference = schema['$ref'];
  const node = document?.nodes.get(schema);
  if (!document || !node || typeof reference !== 'string') return undefined;
  const target = document.resolve(node, reference);
  return target && document.nodes.get(target);
}

/**
 * Whether two schemas say the same: equal word for word, and so are all that their references lead to. What differs
 * in order only counts as another one: too careful is safe.
 */
export function same(
  one: Schema,
  side: Side,
  other: Schema,
  otherSide: Side,
  assumed = new Set<string>(),
): boolean {
  if (!isObject(one) || !isObject(other)) return one === other;
  if (!equal(one, other)) return false;
  const mine = referencesIn(one, side);
  const theirs = referencesIn(other, otherSide);
  return mine.every((node, index) => {
    const target = theirs[index];
    if (!node || !target) return false;
    const pair = `${node.pointer.join('/')} ${target.pointer.join('/')}`;
    if (assumed.has(pair)) return true;
    assumed.add(pair);
    return same(node.schema, side, target.schema, otherSide, assumed);
  });
}

function referencesIn(schema: SchemaObject, side: Side): (Node | undefined)[] {
  const own = '$ref' in schema ? [targetOf(side, schema)] : [];
  const inner = subschemas(schema).sort((a, b) => (a.path.join('/') < b.path.join('/') ? -1 : 1));
  return [...own, ...inner.flatMap((one) => referencesIn(one.schema, side))];
}

/** Whether two JSON values are equal, as JSON Schema's `enum` and `const` compare. */
export function equal(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, index) => equal(value, other[index]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && equal(one[name], other[name]))
  );
}
