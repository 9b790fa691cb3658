import { Buffer } from 'node:buffer';
import type { JsonSchema } from '../../schemas/dataset.ts';
import { pointerToken, type Fault } from '../../schemas/problem.ts';
import { costOf } from './cost.ts';
import { DIALECT, FORMATS, isObject, KEYWORDS, type SchemaObject } from '../../domain/json-schema/dialect.ts';
import { patternFault } from './re2.ts';
import { readDocument, type Node, type SchemaDocument } from '../../domain/json-schema/references.ts';

/** How large a schema may be: what is compiled and kept in memory, and what one event may cost. */
export const SCHEMA_LIMITS = { bytes: 131_072, depth: 64, schemas: 2000, applications: 10_000 };

/** The faults that ajv would not tell, or not with their place: size, keywords, patterns, formats, references. */
export function dialectFaults(schema: JsonSchema): Fault[] {
  if (!isObject(schema)) return [];
  const tooLarge = sizeFault(schema);
  if (tooLarge) return [{ path: '', message: tooLarge }];
  const document = readDocument(schema);
  if (document.nodes.size > SCHEMA_LIMITS.schemas) {
    return [{ path: '', message: `must hold at most ${SCHEMA_LIMITS.schemas} schemas` }];
  }
  const faults = [...document.nodes.values()].flatMap((node) => nodeFaults(document, node));
  return [...faults, ...costFaults(document, schema)];
}

function sizeFault(schema: SchemaObject): string | undefined {
  const { bytes, depth } = SCHEMA_LIMITS;
  // Before anything that recurses: depth is found level by level.
  let level: unknown[] = [schema];
  for (let at = 0; level.length > 0; at += 1) {
    if (at > depth) return `must be nested at most ${depth} levels deep`;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return Buffer.byteLength(JSON.stringify(schema)) > bytes ? `must have at most ${bytes} bytes` : undefined;
}

const pointer = (parts: string[]): string => parts.map((part) => `/${pointerToken(part)}`).join('');

function nodeFaults(document: SchemaDocument, node: Node): Fault[] {
  const { schema } = node;
  const faults: Fault[] = [];
  const say = (parts: string[], message: string | undefined): void => {
    if (message !== undefined) faults.push({ path: pointer([...node.pointer, ...parts]), message });
  };
  for (const keyword of Object.keys(schema)) {
    if (!KEYWORDS.has(keyword)) say([keyword], 'is not a keyword of JSON Schema 2020-12 that the mesh knows');
  }
  const { $schema, $ref, pattern, patternProperties, format } = schema;
  if (typeof $schema === 'string' && $schema.replace(/#$/, '') !== DIALECT)
    say(['$schema'], `must be ${DIALECT}`);
  if (typeof pattern === 'string') say(['pattern'], patternFault(pattern));
  for (const key of Object.keys(isObject(patternProperties) ? patternProperties : {})) {
    say(['patternProperties', key], patternFault(key));
  }
  if (typeof format === 'string' && !FORMATS.some((known) => known === format)) {
    say(['format'], `must be one of ${FORMATS.join(', ')}`);
  }
  if (typeof $ref === 'string' && !document.resolve(node, $ref)) {
    say(['$ref'], 'must lead to a schema within this one: nothing is fetched');
  }
  return faults;
}

function costFaults(document: SchemaDocument, schema: SchemaObject): Fault[] {
  const { applications, endless } = costOf(document, schema);
  if (endless) {
    const at = document.nodes.get(endless)?.pointer ?? [];
    return [{ path: pointer(at), message: 'applies itself to the same value without end' }];
  }
  return applications > SCHEMA_LIMITS.applications
    ? [
        {
          path: '',
          message: `must apply at most ${SCHEMA_LIMITS.applications} schemas to an event: its references multiply`,
        },
      ]
    : [];
}
