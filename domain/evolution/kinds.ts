/** The kinds of JSON values, numbers told apart as JSON Schema tells them. */
export const KINDS = ['null', 'boolean', 'object', 'array', 'string', 'integer', 'fraction'] as const;
/** One kind of JSON values. */
export type Kind = (typeof KINDS)[number];

/** The kinds that a `type` allows. */
export function kindsOf(type: unknown): Set<Kind> {
  const names: unknown[] = Array.isArray(type) ? type : [type];
  return new Set(
    names.flatMap((name): Kind[] =>
      name === 'number' ? ['integer', 'fraction'] : KINDS.filter((kind) => kind === name),
    ),
  );
}

/** The kind of a value. */
export function kindOf(value: unknown): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'fraction';
  const name = typeof value;
  return name === 'boolean' || name === 'string' ? name : 'object';
}

/** The kinds that are in both sets. */
export const common = (one: ReadonlySet<Kind>, other: ReadonlySet<Kind>): Set<Kind> =>
  new Set([...one].filter((kind) => other.has(kind)));
