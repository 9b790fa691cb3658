import type { Fault } from '../../schemas/problem.ts';
import { pointerToken } from '../../schemas/problem.ts';
import { alternativesOf, MAX_COMBINATIONS, type Pattern } from './flatten.ts';
import { operandFault, wildcardsOf } from './operand.ts';
import { tooComplex } from './wildcard.ts';

/** What of an event a filter may ask for. */
const ROOTS = ['type', 'subject', 'data'];
const MAX_DEPTH = 50;
/** Names that EventBridge keeps for itself within `$or`, some of them for operators to come. */
const RESERVED = new Set(
  'exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr = < <= > >= regex not-wildcard not-equals-ignore-case date-after date-on-or-after date-before date-on-or-before in-date-range ip-address-in-range ip-address-not-in-range'.split(
    ' ',
  ),
);

/**
 * What is wrong with a filter: an EventBridge event pattern on `{type, subject, data}`. Empty when EventBridge would
 * take it; each fault's path is a JSON Pointer, below `base`.
 */
export function checkFilter(filter: unknown, base = '/filter'): Fault[] {
  const faults: Fault[] = [];
  checkObject(filter, { pointer: base, depth: 0, inOr: false }, faults);
  return faults.length > 0 ? faults : checkWhole(filter as Pattern, base);
}

interface Place {
  pointer: string;
  depth: number;
  inOr: boolean;
}

function checkObject(node: unknown, { pointer, depth, inOr }: Place, faults: Fault[]): void {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) {
    faults.push({ path: pointer, message: 'must be an object' });
    return;
  }
  if (Object.keys(node).length === 0) faults.push({ path: pointer, message: 'must not be empty' });
  for (const [name, value] of Object.entries(node)) {
    const path = `${pointer}/${pointerToken(name)}`;
    const message = name === '$or' ? undefined : nameFault(name, depth, inOr);
    if (message !== undefined) faults.push({ path, message });
    else if (depth > MAX_DEPTH)
      faults.push({ path, message: `must not be nested deeper than ${MAX_DEPTH} levels` });
    else if (name === '$or') checkOr(value, { pointer: path, depth, inOr: true }, faults);
    else checkKey(name, value, { pointer: path, depth: depth + 1, inOr }, faults);
  }
}

function checkKey(name: string, value: unknown, place: Place, faults: Fault[]): void {
  const leaf = place.depth === 1 && name !== 'data';
  if (Array.isArray(value)) checkValues(value, place.pointer, faults);
  else if (!leaf && typeof value === 'object' && value !== null) checkObject(value, place, faults);
  else {
    const message = `must be ${leaf ? '' : 'an object, or '}an array of values or match objects`;
    faults.push({ path: place.pointer, message });
  }
}

function nameFault(name: string, depth: number, inOr: boolean): string | undefined {
  if (depth === 0 && !ROOTS.includes(name)) return rootMessage(name);
  return inOr && RESERVED.has(name) ? 'is a name that EventBridge reserves within $or' : undefined;
}

const rootMessage = (name: string): string =>
  name.startsWith('data.')
    ? 'must be nested, as in {"data": {"co2": […]}}'
    : 'is not something to filter on: use type, subject and data';

/** The branches of an `$or` stand where it stands: they have its depth. */
function checkOr(value: unknown, { pointer, depth, inOr }: Place, faults: Fault[]): void {
  if (!Array.isArray(value) || value.length < 2) {
    faults.push({ path: pointer, message: 'must be an array of at least two objects' });
  } else if (pointer.split('/$or').length > MAX_DEPTH) {
    faults.push({ path: pointer, message: `must not be nested deeper than ${MAX_DEPTH} levels` });
  } else {
    for (const [index, branch] of value.entries())
      checkObject(branch, { pointer: `${pointer}/${index}`, depth, inOr }, faults);
  }
}

function checkValues(values: unknown[], path: string, faults: Fault[]): void {
  if (values.length === 0) faults.push({ path, message: 'must not be empty' });
  const before = faults.length;
  for (const [index, value] of values.entries()) {
    const message = operandFault(value);
    if (message !== undefined) faults.push({ path: `${path}/${index}`, message });
  }
  if (faults.length > before) return;
  const wildcards = values.flatMap(wildcardsOf);
  if (wildcards.length > 0 && tooComplex(wildcards)) {
    faults.push({
      path,
      message: 'is too complex for EventBridge: use fewer *, or fewer repeated characters after them',
    });
  }
}

/** What shows only once the pattern is multiplied out. */
function checkWhole(filter: Pattern, base: string): Fault[] {
  if (combinations(filter) > MAX_COMBINATIONS) {
    return [{ path: base, message: `must not have more than ${MAX_COMBINATIONS} combinations of $or` }];
  }
  const repeated = new Map<string, string>();
  for (const conditions of alternativesOf(filter)) {
    const seen = new Set<string>();
    for (const { path, pointer } of conditions) {
      // EventBridge would let the later one win, by the order of the text: nobody means that.
      if (seen.has(path))
        repeated.set(base + pointer, `asks again for ${path}: an event pattern can ask for it once`);
      seen.add(path);
    }
  }
  return [...repeated].map(([path, message]) => ({ path, message }));
}

/** EventBridge's count: the product of the lengths of all `$or`. */
function combinations(node: unknown): number {
  if (typeof node !== 'object' || node === null) return 1;
  let product = 1;
  for (const [name, value] of Object.entries(node)) {
    if (name === '$or' && Array.isArray(value))
      product *= value.length * value.reduce<number>((all, branch) => all * combinations(branch), 1);
    else if (!Array.isArray(value)) product *= combinations(value);
    if (product > MAX_COMBINATIONS) return product;
  }
  return product;
}
