/** Where a text stops being JSON: characters from the start of the text, and line and column from 1. */
export interface JsonPosition {
  position: number;
  line: number;
  column: number;
}

/** Parses JSON (RFC 8259, a leading byte order mark ignored), or tells where the text stops being JSON. */
export function parseJson(text: string): { value: unknown } | { at: JsonPosition } {
  const plain = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  try {
    return { value: JSON.parse(plain) };
  } catch {
    return { at: positionIn(plain, stopOf(plain)) };
  }
}

/** One sentence that says where a text stops being JSON. */
export const sayPosition = ({ position, line, column }: JsonPosition): string =>
  `it stops being JSON at line ${line}, column ${column} (character ${position})`;

function positionIn(text: string, position: number): JsonPosition {
  const before = text.slice(0, position).split('\n');
  return { position, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

type Token = 'string' | 'scalar' | '{' | '}' | '[' | ']' | ':' | ',';
type Expected = 'value' | 'value or ]' | 'name' | 'name or }' | 'colon' | 'after value';

const BLANK = /[ \t\n\r]*/y;
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const MARK = /[{}[\]:,]/y;

const VALUE = { string: 'after value', scalar: 'after value', '{': 'name or }', '[': 'value or ]' } as const;
const GRAMMAR: Record<Expected, Partial<Record<Token, Expected>>> = {
  value: VALUE,
  'value or ]': { ...VALUE, ']': 'after value' },
  name: { string: 'colon' },
  'name or }': { string: 'colon', '}': 'after value' },
  colon: { ':': 'value' },
  'after value': { ',': 'value', ']': 'after value', '}': 'after value' },
};

/**
 * The first token that no JSON text could have there. V8 names it in some of its messages only, and quotes the text in
 * others, which could put personal data in a log. Runs on texts that `JSON.parse` refused.
 */
function stopOf(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  let at = endOf(BLANK, text, 0);
  for (;;) {
    const token = tokenAt(text, at);
    const next: Expected | undefined = token && GRAMMAR[expected][token.kind];
    if (!token || !next || !nests(open, token.kind)) return at;
    expected = token.kind === ',' && open.at(-1) === '}' ? 'name' : next;
    at = endOf(BLANK, text, token.end);
  }
}

/** Keeps the brackets that are open; false where a token does not fit them. */
function nests(open: string[], token: Token): boolean {
  if (token === '{' || token === '[') open.push(token === '{' ? '}' : ']');
  else if (token === '}' || token === ']') return open.pop() === token;
  return token !== ',' || open.length > 0;
}

function tokenAt(text: string, at: number): { kind: Token; end: number } | undefined {
  const mark = endOf(MARK, text, at);
  // The pattern takes one character, and only these.
  if (mark > at) return { kind: text.charAt(at) as Token, end: mark };
  const string = endOf(STRING, text, at);
  if (string > at) return { kind: 'string', end: string };
  const scalar = endOf(SCALAR, text, at);
  return scalar > at ? { kind: 'scalar', end: scalar } : undefined;
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
