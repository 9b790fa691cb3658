import { inBlock, sameAddress } from './address.ts';
import { fitsWildcard } from './wildcard.ts';

/** Whether one scalar of an event is what one element of a pattern's list asks for; `exists` asks for any scalar. */
export function fits(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return same(value, wanted);
  const [[operator, operand] = ['', undefined]] = Object.entries(wanted);
  switch (operator) {
    case 'exists':
      return operand === true;
    case 'anything-but':
      return !excluded(value, operand);
    case 'numeric':
      // A checked pattern has operators and numbers by turns.
      return typeof value === 'number' && inRange(value, operand as (string | number)[]);
    default:
      return typeof value === 'string' && fitsText(value, operator, operand);
  }
}

const same = (value: unknown, wanted: unknown): boolean =>
  value === wanted || (typeof value === 'string' && typeof wanted === 'string' && sameAddress(value, wanted));

/** The text of an operand that may be wrapped as `{"equals-ignore-case": text}`. */
const leaf = (operand: unknown): unknown =>
  typeof operand === 'object' && operand !== null && 'equals-ignore-case' in operand
    ? operand['equals-ignore-case']
    : operand;

function fitsText(value: string, operator: string, operand: unknown): boolean {
  const text = String(leaf(operand));
  const ignoreCase = typeof operand === 'object';
  switch (operator) {
    case 'exactly':
      return value === text;
    case 'prefix':
      return ignoreCase ? caseless(text, '^', '').test(value) : value.startsWith(text);
    case 'suffix':
      return ignoreCase ? caseless(text, '', '$').test(value) : value.endsWith(text);
    case 'equals-ignore-case':
      return caseless(text, '^', '$').test(value);
    case 'wildcard':
      return fitsWildcard(value, text);
    case 'cidr':
      return inBlock(value, text);
    default:
      return false;
  }
}

/** `anything-but` is the one operator that numbers, booleans and null can satisfy by being something else. */
function excluded(value: unknown, operand: unknown): boolean {
  if (typeof operand !== 'object' || operand === null) return value === operand;
  if (Array.isArray(operand)) return operand.includes(value);
  const [[operator, texts] = ['', undefined]] = Object.entries(operand);
  const list: unknown[] = Array.isArray(texts) ? texts : [texts];
  return typeof value === 'string' && list.some((text) => fitsText(value, operator, text));
}

function inRange(value: number, terms: (string | number)[]): boolean {
  for (let at = 0; at < terms.length; at += 2) {
    if (!compares(value, String(terms[at]), Number(terms[at + 1]))) return false;
  }
  return true;
}

function compares(value: number, operator: string, bound: number): boolean {
  switch (operator) {
    case '=':
      return value === bound;
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '>':
      return value > bound;
    default:
      return value >= bound;
  }
}

/** EventBridge takes each character of the operand in lower or in upper case, one by one. */
function caseless(text: string, start: string, end: string): RegExp {
  const forms = Array.from({ length: text.length }, (_, at) => {
    const character = text.charAt(at);
    const [lower, upper] = [character.toLowerCase(), character.toUpperCase()].map(escaped);
    return lower === upper ? lower : `(?:${lower}|${upper})`;
  });
  return new RegExp(start + forms.join('') + end);
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
