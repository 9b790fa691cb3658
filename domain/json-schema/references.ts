import { isObject, subschemas, type SchemaObject } from './dialect.ts';

/** The base of a schema that states no `$id`: a place where nothing else can be. */
const NOWHERE = 'schema:/';

/** One schema of a document, with the base URI that its references are resolved by. */
export interface Node {
  schema: SchemaObject;
  pointer: string[];
  base: string;
}

/** All schemas of a document, and what its references lead to. */
export interface SchemaDocument {
  nodes: Map<SchemaObject, Node>;
  /** The schema that a `$ref` leads to, if it lies within the document. */
  resolve(node: Node, reference: string): SchemaObject | undefined;
}

/** Reads a document: a walk over every place where 2020-12 knows a schema. */
export function readDocument(root: SchemaObject): SchemaDocument {
  const nodes = new Map<SchemaObject, Node>();
  const named = new Map<string, SchemaObject>();
  const waiting: Node[] = [{ schema: root, pointer: [], base: NOWHERE }];
  named.set(NOWHERE, root);
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    const base = baseOf(node.schema, node.base);
    nodes.set(node.schema, { ...node, base });
    if (base !== node.base) named.set(base, node.schema);
    const anchor = node.schema['$anchor'];
    if (typeof anchor === 'string') named.set(`${base}#${anchor}`, node.schema);
    for (const { path, schema } of subschemas(node.schema)) {
      waiting.push({ schema, pointer: [...node.pointer, ...path], base });
    }
  }
  return { nodes, resolve: (node, reference) => resolveReference(named, node.base, reference) };
}

function baseOf(schema: SchemaObject, outer: string): string {
  const id = schema['$id'];
  const uri = typeof id === 'string' ? URL.parse(id, outer) : null;
  return uri ? withoutFragment(uri) : outer;
}

const withoutFragment = (uri: URL): string => uri.href.replace(/#.*$/s, '');

function resolveReference(
  named: Map<string, SchemaObject>,
  base: string,
  reference: string,
): SchemaObject | undefined {
  const uri = URL.parse(reference, base);
  if (!uri) return undefined;
  const resource = named.get(withoutFragment(uri));
  const fragment = decodeFragment(uri.hash.slice(1));
  if (fragment === undefined || !resource) return undefined;
  if (fragment === '') return resource;
  return fragment.startsWith('/')
    ? followPointer(resource, fragment)
    : named.get(`${withoutFragment(uri)}#${fragment}`);
}

function decodeFragment(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return undefined;
  }
}

function followPointer(from: unknown, pointer: string): SchemaObject | undefined {
  let at = from;
  for (const token of pointer.slice(1).split('/')) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as SchemaObject)[name];
  }
  // A boolean schema holds nothing that would have to be looked at.
  return isObject(at) ? at : typeof at === 'boolean' ? {} : undefined;
}
