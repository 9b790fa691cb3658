import type { JsonSchema } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import { isObject } from '../json-schema/dialect.ts';
import { arrays } from './arrays.ts';
import { branches } from './branches.ts';
import { conjuncts, type Facts, factsOf } from './facts.ts';
import { equal, type Placed, same, type Schema, type Side, sideOf } from './normalise.ts';
import { objects } from './objects.ts';
import { type Asked, faultAt } from './rules.ts';
import { kindsAndValues, numbers, texts } from './scalars.ts';
import { holds } from './values.ts';

/** How two versions of a schema relate. */
export interface Comparison {
  /** Where the later version may refuse data that the earlier one allows; paths lead into the later one. */
  backward: Fault[];
  /** Where the earlier version may refuse data that the later one allows; paths lead into the earlier one. */
  forward: Fault[];
}

/** How many steps one comparison may take: schemas can be made that would need more than there are. */
const MAX_STEPS = 5000;
const MAX_NESTING = 300;
const MAX_FAULTS = 100;

/**
 * Compares two versions of a schema by themselves, whatever data there is. What is not proven to be allowed counts as
 * refused: unknown keywords, patterns that differ, and whatever is too intricate.
 */
export function compare(before: JsonSchema, after: JsonSchema): Comparison {
  const earlier = sideOf(before);
  const later = sideOf(after);
  if (equal(earlier.root.schema, later.root.schema)) return { backward: [], forward: [] };
  return { backward: refusedBy(earlier, later), forward: refusedBy(later, earlier) };
}

/** Where one schema may refuse what the other allows. */
function refusedBy(from: Side, to: Side): Fault[] {
  const unknown = [
    ...to.unknown.map((path) => faultAt(path, 'is not a keyword that can be compared')),
    ...from.unknown.map((path) =>
      faultAt([], `the other version has ${path.at(-1)}, which cannot be compared`),
    ),
  ];
  if (unknown.length > 0) return unknown;
  const search = { from, to, steps: 0, nesting: 0, open: new Map<string, number>(), names: namer() };
  try {
    return distinct(refused(search, [from.root.schema], to.root, 0, new Set())).slice(0, MAX_FAULTS);
  } catch (error) {
    if (!(error instanceof TooIntricate)) throw error;
    return [faultAt([], 'is too intricate to be compared with the other version')];
  }
}

class TooIntricate extends Error {}

interface Search {
  from: Side;
  to: Side;
  steps: number;
  nesting: number;
  /** What is being shown just now, and how deep in the data: within itself, deeper, it may be taken for shown. */
  open: Map<string, number>;
  names: (schema: Schema) => string;
}

const RULES = [kindsAndValues, numbers, texts, objects, arrays, branches];

/** Where a schema may refuse data that obeys all given ones. `used` are alternatives whose cases are told apart already. */
function refused(
  search: Search,
  given: Schema[],
  wanted: Placed,
  depth: number,
  used: ReadonlySet<unknown>,
): Fault[] {
  search.steps += 1;
  if (search.steps > MAX_STEPS || search.nesting > MAX_NESTING) throw new TooIntricate();
  const { schema, path } = wanted;
  if (schema === true) return [];
  const { from, to } = search;
  const facts = factsOf(from, given);
  if (facts.impossible) return [];
  if (!isObject(schema)) return [faultAt(path, 'is not allowed')];
  if (facts.all.some((one) => same(one, from, schema, to))) return [];
  if (facts.values?.every((value) => holds(to, value, schema) === true)) return [];
  const key = [...conjuncts(from, given).map(search.names).sort(), '<', search.names(schema)].join(' ');
  const outer = search.open.get(key);
  if (outer !== undefined && outer < depth) return [];
  if (outer === undefined) search.open.set(key, depth);
  const asked: Asked = {
    from,
    to,
    facts,
    wanted: schema,
    path,
    here: (other) => refused(search, given, other, depth, used),
    below: (inner, other) => refused(search, inner, other, depth + 1, new Set()),
  };
  search.nesting += 1;
  const direct = RULES.flatMap((rule) => rule(asked));
  const faults = direct.length === 0 ? direct : byCases(search, facts, given, wanted, direct, depth, used);
  search.nesting -= 1;
  if (outer === undefined) search.open.delete(key);
  return faults;
}

/** What is still refused when the cases of what is given are looked at one by one. */
function byCases(
  search: Search,
  facts: Facts,
  given: Schema[],
  wanted: Placed,
  direct: Fault[],
  depth: number,
  used: ReadonlySet<unknown>,
): Fault[] {
  const alternatives = facts.all
    .flatMap((schema) => [schema['anyOf'], schema['oneOf']])
    .find((list) => Array.isArray(list) && !used.has(list)) as Schema[] | undefined;
  const cases = alternatives ?? (hasAlternatives(wanted.schema) ? casesOf(facts) : []);
  if (cases.length < 2 && !alternatives) return direct;
  const now = new Set([...used, alternatives]);
  const faults = cases.flatMap((one) => refused(search, [...given, one], wanted, depth, now));
  return alternatives || faults.length === 0 ? faults : direct;
}

const hasAlternatives = (schema: Schema): boolean =>
  isObject(schema) && ('anyOf' in schema || 'oneOf' in schema);

/** The kinds or values that there can be, as schemas. */
function casesOf({ kinds, values }: Facts): Schema[] {
  if (kinds.size === 1)
    return (values ?? []).slice(0, 50).length === values?.length
      ? values.map((value) => ({ const: value }))
      : [];
  const names = [...kinds].filter((kind) => kind !== 'integer' || !kinds.has('fraction'));
  return names.map((kind) => ({ type: kind === 'fraction' ? 'number' : kind }));
}

function namer(): (schema: Schema) => string {
  const known = new Map<Schema, string>();
  return (schema) => {
    const name = known.get(schema) ?? String(known.size);
    known.set(schema, name);
    return name;
  };
}

const distinct = (faults: Fault[]): Fault[] => [
  ...new Map(faults.map((fault) => [`${fault.path}\n${fault.message}`, fault])).values(),
];
