import { pointerToken } from '../../schemas/problem.ts';

/** An EventBridge event pattern, or a part of one, as JSON. */
export type Pattern = Record<string, unknown>;

/** One key of a pattern: where it reaches in the event, where it stands in the pattern, and what it asks for. */
export interface Condition {
  /** Names joined by full stops, as EventBridge joins them: a name that has one itself reads as several. */
  path: string;
  /** A JSON Pointer into the pattern. */
  pointer: string;
  values: unknown[];
}

/** The most combinations of `$or` that EventBridge takes in one pattern. */
export const MAX_COMBINATIONS = 1000;

/**
 * The alternatives of a pattern, `$or` multiplied out: an event matches if it satisfies all conditions of one of them.
 * The pattern's grammar has been checked; what is no pattern has no conditions.
 */
export function alternativesOf(pattern: Pattern): Condition[][] {
  return expand(pattern, '', '', [[]]);
}

function expand(node: Pattern, path: string, pointer: string, before: Condition[][]): Condition[][] {
  let alternatives = before;
  for (const [name, value] of Object.entries(node)) {
    const place = `${pointer}/${pointerToken(name)}`;
    if (name === '$or' && Array.isArray(value)) {
      const base = alternatives;
      alternatives = value.flatMap((branch: Pattern, index) =>
        expand(branch, path, `${place}/${index}`, base),
      );
      if (alternatives.length > MAX_COMBINATIONS)
        throw new RangeError(`more than ${MAX_COMBINATIONS} combinations of $or`);
      continue;
    }
    const below = path === '' ? name : `${path}.${name}`;
    if (Array.isArray(value)) {
      const condition: Condition = { path: below, pointer: place, values: value };
      alternatives = alternatives.map((conditions) => [...conditions, condition]);
    } else {
      // Anything else in a checked pattern is an object of patterns.
      alternatives = expand(value as Pattern, below, place, alternatives);
    }
  }
  return alternatives;
}

/** Every condition of a pattern, once, in the order of its text. */
export function conditionsOf(pattern: Pattern): Condition[] {
  const conditions: Condition[] = [];
  const visit = (node: Pattern, path: string, pointer: string): void => {
    for (const [name, value] of Object.entries(node)) {
      const place = `${pointer}/${pointerToken(name)}`;
      const below = path === '' ? name : `${path}.${name}`;
      if (name === '$or' && Array.isArray(value)) {
        for (const [index, branch] of value.entries()) visit(branch as Pattern, path, `${place}/${index}`);
      } else if (Array.isArray(value)) conditions.push({ path: below, pointer: place, values: value });
      else visit(value as Pattern, below, place);
    }
  };
  visit(pattern, '', '');
  return conditions;
}
