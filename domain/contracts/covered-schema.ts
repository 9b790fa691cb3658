import type { JsonSchema, MinimisationClause } from '../../schemas/dataset.ts';
import { pointerToken } from '../../schemas/problem.ts';
import { reaches } from './cover.ts';

/** A field as the consumer gets it, in the words of the Open Data Contract Standard. */
export interface CoveredField {
  name?: string;
  description?: string;
  logicalType?: string;
  physicalType?: string;
  required?: boolean;
  transformDescription?: string;
  properties?: CoveredField[];
  items?: CoveredField;
}

type Schema = Record<string, unknown>;
type Shown = Exclude<MinimisationClause, { do: 'delay' | 'drop' }>;

/** Nothing is told of fields deeper than this: a schema may refer to itself. */
const DEPTH = 8;
const LOGICAL: Record<string, string> = {
  string: 'string',
  number: 'number',
  integer: 'integer',
  boolean: 'boolean',
  object: 'object',
  array: 'array',
};
const FORMATS: Record<string, string> = { 'date-time': 'timestamp', date: 'date', time: 'time' };

/** The fields of a type's data that a contract covers: what it drops is not told, what it changes is told as changed. */
export function coveredFields(schema: JsonSchema, clauses: MinimisationClause[]): CoveredField[] {
  const field = fieldAt(schema, '/data', { root: schema, clauses, depth: 0 });
  return field?.properties ?? (field ? [{ name: 'data', ...field }] : []);
}

interface At {
  root: JsonSchema;
  clauses: MinimisationClause[];
  depth: number;
}

function fieldAt(schema: unknown, path: string, at: At): CoveredField | undefined {
  const { clauses, depth } = at;
  if (clauses.some((clause) => clause.do === 'drop' && reaches(clause.path, path, { below: true })))
    return undefined;
  const resolved = resolve(schema, at.root);
  if (!resolved || depth > DEPTH) return { physicalType: 'any' };
  const { description, title } = resolved;
  const text = typeof description === 'string' ? description : title;
  const changed = clauses.find(
    (clause): clause is Shown =>
      clause.do !== 'delay' && clause.do !== 'drop' && reaches(clause.path, path, { below: false }),
  );
  return {
    ...(typeof text === 'string' && { description: text }),
    ...(changed?.do === 'pseudonymise' ? { logicalType: 'string' } : shapeOf(resolved, path, at)),
    ...(changed && { transformDescription: toldOf(changed) }),
  };
}

function shapeOf(schema: Schema, path: string, at: At): CoveredField {
  const { type, format, properties, items, required } = schema;
  const name =
    typeof type === 'string' ? type : Array.isArray(type) ? type.find((one) => one !== 'null') : '';
  const deeper = { ...at, depth: at.depth + 1 };
  const logicalType = FORMATS[String(format)] ?? LOGICAL[String(name)];
  const named = new Set(Array.isArray(required) ? required : []);
  const fields = Object.entries(isSchema(properties) ? properties : {}).flatMap(([member, inner]) => {
    const field = fieldAt(inner, `${path}/${pointerToken(member)}`, deeper);
    return field ? [{ name: member, ...field, required: named.has(member) }] : [];
  });
  const element = logicalType === 'array' ? fieldAt(items ?? true, `${path}/*`, deeper) : undefined;
  return {
    ...(logicalType === undefined ? { physicalType: 'any' } : { logicalType }),
    ...(fields.length > 0 && { properties: fields }),
    ...(element && { items: element }),
  };
}

function toldOf(clause: Shown): string {
  return clause.do === 'round'
    ? `rounded to ${clause.to}: a multiple, or metres of a position (clause ${clause.clause})`
    : `pseudonym of this contract, another one every ${clause.rotate} (clause ${clause.clause})`;
}

/** A schema with its local reference followed; undefined for one that says nothing. */
function resolve(schema: unknown, root: JsonSchema): Schema | undefined {
  let found: unknown = schema;
  for (let steps = 0; steps < DEPTH && isSchema(found) && typeof found['$ref'] === 'string'; steps += 1) {
    found = at(root, found['$ref']);
  }
  return isSchema(found) ? found : undefined;
}

function at(root: JsonSchema, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined;
  return reference
    .split('/')
    .slice(1)
    .map((token) => decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, token) => (isSchema(value) ? value[token] : undefined), root);
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
