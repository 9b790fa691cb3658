import { alternativesOf, type Condition, type Pattern } from './flatten.ts';
import { fits } from './operators.ts';

/** Which element of which array a scalar stands in, arrays numbered as they come. */
type Elements = ReadonlyMap<number, number>;
interface Leaf {
  value: unknown;
  elements: Elements;
}
type Leaves = Map<string, Leaf[]>;

/**
 * Whether an event matches a pattern as EventBridge matches: the scalars at a key's path count, arrays on the way
 * skipped, any one of them enough; but two keys never match in different elements of one array. The pattern is a
 * checked filter on the event, or a composed one on the entry of the bus.
 */
export function matches(pattern: Pattern, event: object): boolean {
  const alternatives = alternativesOf(pattern);
  const leaves = leavesOf(event, alternatives.flat());
  return alternatives.some((conditions) => firstMiss(conditions, leaves) === undefined);
}

/**
 * The key by which an event missed a filter, as a JSON Pointer into the filter, and what the event has there: nothing,
 * one scalar, or several. Of an `$or`, the key of the branch that came nearest. Undefined for an event that matches.
 */
export function whyNot(filter: Pattern, event: object): { key: string; value: unknown } | undefined {
  const alternatives = alternativesOf(filter);
  const leaves = leavesOf(event, alternatives.flat());
  let nearest: { condition: Condition; met: number } | undefined;
  for (const conditions of alternatives) {
    const alone = conditions.filter((condition) => firstMiss([condition], leaves) !== undefined);
    const missed = alone[0] ?? firstMiss(conditions, leaves);
    if (!missed) return undefined;
    const met = conditions.length - alone.length;
    if (!nearest || met > nearest.met) nearest = { condition: missed, met };
  }
  if (!nearest) return undefined;
  const values = (leaves.get(nearest.condition.path) ?? []).map(({ value }) => value);
  return { key: nearest.condition.pointer, value: values.length > 1 ? values : values[0] };
}

/** The scalars of an event at the paths that conditions ask for. */
function leavesOf(event: object, conditions: Condition[]): Leaves {
  const leaves: Leaves = new Map(conditions.map(({ path }) => [path, []]));
  const onTheWay = new Set<string>();
  for (const path of leaves.keys()) {
    for (let at = path.length; at > 0; at = path.lastIndexOf('.', at - 1)) onTheWay.add(path.slice(0, at));
  }
  let arrays = 0;
  const visit = (value: unknown, path: string, elements: Elements): void => {
    if (typeof value !== 'object' || value === null) {
      leaves.get(path)?.push({ value, elements });
    } else if (Array.isArray(value)) {
      const array = arrays;
      arrays += 1;
      for (const [index, element] of value.entries()) {
        const container = typeof element === 'object' && element !== null;
        visit(element, path, container ? new Map(elements).set(array, index) : elements);
      }
    } else {
      for (const [name, member] of Object.entries(value)) {
        const below = path === '' ? name : `${path}.${name}`;
        if (onTheWay.has(below)) visit(member, below, elements);
      }
    }
  };
  visit(event, '', new Map());
  return leaves;
}

/**
 * The first condition that cannot be met together with those before it. Conditions go by their paths' order, in which
 * EventBridge takes them: it decides what an absent key may be absent from.
 */
function firstMiss(conditions: Condition[], leaves: Leaves): Condition | undefined {
  const ordered = conditions.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const arraysLater = arraysAfter(ordered, leaves);
  let states: Elements[] = [new Map()];
  for (const [index, condition] of ordered.entries()) {
    const present = byElement(leaves.get(condition.path) ?? []);
    const fitting = byElement(
      present.all.filter(({ value }) => condition.values.some((wanted) => fits(value, wanted))),
    );
    const mayBeAbsent = condition.values.some(isAbsence);
    const next = new Map<string, Elements>();
    const keep = (state: Elements): void => {
      const relevant = new Map(
        [...state].filter(([array]) => arraysLater[index]?.has(array)).sort(([a], [b]) => a - b),
      );
      next.set([...relevant].join(';'), relevant);
    };
    for (const state of states) {
      if (mayBeAbsent && !candidates(present, state).some((leaf) => joined(state, leaf.elements)))
        keep(state);
      for (const leaf of candidates(fitting, state)) {
        const both = joined(state, leaf.elements);
        if (both) keep(both);
      }
    }
    if (next.size === 0) return condition;
    states = [...next.values()];
  }
  return undefined;
}

const isAbsence = (wanted: unknown): boolean =>
  typeof wanted === 'object' && wanted !== null && 'exists' in wanted && wanted.exists === false;

/** For each condition the arrays in which later ones have scalars: only those need to be remembered. */
function arraysAfter(ordered: Condition[], leaves: Leaves): Set<number>[] {
  const later: Set<number>[] = [];
  let sum = new Set<number>();
  for (const { path } of ordered.toReversed()) {
    later.unshift(sum);
    sum = new Set([...sum, ...(leaves.get(path) ?? []).flatMap(({ elements }) => [...elements.keys()])]);
  }
  return later;
}

interface Indexed {
  all: Leaf[];
  /** By the outermost array and its element. */
  outermost: Map<string, Leaf[]>;
}

function byElement(all: Leaf[]): Indexed {
  const outermost = new Map<string, Leaf[]>();
  for (const leaf of all) {
    const [first] = leaf.elements;
    const name = first ? first.join() : '';
    const known = outermost.get(name);
    if (known) known.push(leaf);
    else outermost.set(name, [leaf]);
  }
  return { all, outermost };
}

/** The leaves that may go with a state; a long array is looked up rather than gone through for each of its elements. */
function candidates({ all, outermost }: Indexed, state: Elements): Leaf[] {
  const first = all[0]?.elements.keys().next().value;
  const element = first === undefined ? undefined : state.get(first);
  // Leaves of one path stand in the same outermost array, but for names that have a full stop; and nothing is bound
  // to an array before the scalars directly in it, since paths go in order.
  if (element === undefined || all.at(-1)?.elements.keys().next().value !== first) return all;
  return outermost.get(`${first},${element}`) ?? [];
}

/** Both together; undefined where they stand in different elements of one array. */
function joined(state: Elements, elements: Elements): Elements | undefined {
  for (const [array, index] of elements) {
    const known = state.get(array);
    if (known !== undefined && known !== index) return undefined;
  }
  return state.size === 0 ? elements : new Map([...state, ...elements]);
}
