/** The members of an object of which nothing is known. */
export type Members = Record<string, unknown>;

/** The members of a value; none of what is no object. */
export const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null ? (value as Members) : {};

/** The members of a message's body; none of what is no JSON. */
export function membersIn(body = ''): Members {
  try {
    return membersOf(JSON.parse(body));
  } catch {
    return {};
  }
}
