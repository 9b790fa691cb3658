import { subschemas, type SchemaObject } from '../../domain/json-schema/dialect.ts';
import type { SchemaDocument } from '../../domain/json-schema/references.ts';

/** What judging by a schema can cost, whatever the data. */
export interface SchemaCost {
  /** How many times schemas are applied on the way through all of them; a recursion counts once. */
  applications: number;
  /** It leads back to itself, so that the data's depth decides; or compares each element with each other one. */
  dataDecides: boolean;
  /** A schema that applies itself to the same place again, and so never ends. */
  endless: SchemaObject | undefined;
}

/** Adds up what judging by a document costs; schemas that nothing applies cost nothing. */
export function costOf(document: SchemaDocument, root: SchemaObject): SchemaCost {
  const cost: SchemaCost = { applications: 0, dataDecides: false, endless: undefined };
  const known = new Map<SchemaObject, number>();
  // How many steps below the root of the data each schema lies that is being walked through just now.
  const open = new Map<SchemaObject, number>();

  const walk = (schema: SchemaObject, depth: number): number => {
    const before = open.get(schema);
    if (before !== undefined) {
      cost.dataDecides = true;
      if (before === depth) cost.endless ??= schema;
      return 0;
    }
    const sum = known.get(schema);
    if (sum !== undefined) return sum;
    open.set(schema, depth);
    if (comparesAll(schema)) cost.dataDecides = true;
    const applied = appliedBy(document, schema);
    const total = applied.reduce(
      (all, { schema: inner, below }) => all + walk(inner, depth + (below ? 1 : 0)),
      1,
    );
    open.delete(schema);
    known.set(schema, total);
    return total;
  };

  cost.applications = walk(root, 0);
  return cost;
}

function appliedBy(
  document: SchemaDocument,
  schema: SchemaObject,
): { schema: SchemaObject; below: boolean }[] {
  const held = subschemas(schema).flatMap((inner) =>
    inner.place === 'none' ? [] : [{ schema: inner.schema, below: inner.place === 'below' }],
  );
  const node = document.nodes.get(schema);
  const reference = schema['$ref'];
  const target = node && typeof reference === 'string' ? document.resolve(node, reference) : undefined;
  return target ? [...held, { schema: target, below: false }] : held;
}

const SCALARS = new Set(['string', 'number', 'integer', 'boolean', 'null']);

/** Unique items are looked up by hash when they are all scalars, and compared pair by pair when they are not. */
function comparesAll({ uniqueItems, items }: SchemaObject): boolean {
  if (uniqueItems !== true) return false;
  const type = typeof items === 'object' && items !== null && 'type' in items ? items.type : undefined;
  return !(typeof type === 'string' && SCALARS.has(type));
}
