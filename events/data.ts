import type { Fault } from '../schemas/problem.ts';
import { pointerToken } from '../schemas/problem.ts';

/** How deep `data` may be nested: far above any real data, and below what readers on the way give up at. */
export const MAX_DEPTH = 100;

/**
 * Whether parsed JSON can be kept and told again unchanged: no lone surrogates, no numbers beyond a double's range,
 * not nested deeper than `MAX_DEPTH` (RFC 8785 section 3.2, RFC 7493).
 */
export function isSoundJson(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (const element of value) if (!isSoundJson(element, depth + 1)) return false;
    return true;
  }
  for (const name in value) {
    // A name that for-in gives is a name of the object.
    if (!name.isWellFormed() || !isSoundJson(value[name as keyof typeof value], depth + 1)) return false;
  }
  return true;
}

/** Where and why parsed JSON is not sound. */
export function dataFaults(value: unknown, path: string, depth = 0): Fault[] {
  if (typeof value === 'string')
    return value.isWellFormed() ? [] : [{ path, message: 'must not have lone surrogates' }];
  if (typeof value === 'number')
    return Number.isFinite(value) ? [] : [{ path, message: 'must be within the range of a double' }];
  if (typeof value !== 'object' || value === null) return [];
  if (depth >= MAX_DEPTH) return [{ path, message: `must not be nested deeper than ${MAX_DEPTH} levels` }];
  return Object.entries(value).flatMap(([name, member]) => {
    if (!name.isWellFormed())
      return [{ path, message: 'must not have lone surrogates in the name of a member' }];
    return dataFaults(member, `${path}/${pointerToken(name)}`, depth + 1);
  });
}
