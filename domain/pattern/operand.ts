import { blockOf } from './address.ts';
import { wildcardFault } from './wildcard.ts';

/** Numbers that EventBridge compares: within these bounds and with at most six digits after the point. */
const MAX_NUMBER = 5e9;

const OPERATORS: Record<string, (operand: unknown) => string | undefined> = {
  prefix: (operand) => affixFault('prefix', operand),
  suffix: (operand) => affixFault('suffix', operand),
  'equals-ignore-case': (operand) => textFault('equals-ignore-case', operand),
  exactly: (operand) => textFault('exactly', operand),
  'anything-but': anythingButFault,
  numeric: numericFault,
  exists: (operand) => (typeof operand === 'boolean' ? undefined : 'exists must be true or false'),
  wildcard: wildcardOperandFault,
  cidr: cidrFault,
};

/** What is wrong with one element of a pattern's list; undefined when EventBridge would take it. */
export function operandFault(value: unknown): string | undefined {
  if (Array.isArray(value)) return 'must be a string, number, boolean, null or match object, not a list';
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'number' && !Number.isFinite(value) ? 'must be a finite number' : undefined;
  }
  const [[operator, operand] = ['', undefined], another] = Object.entries(value);
  if (another) return 'must have one operator only';
  const check = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  return check
    ? check(operand)
    : `${operator || 'an empty object'} is no operator: use ${Object.keys(OPERATORS).join(', ')}`;
}

/** The wildcard texts in one element of a pattern's list. */
export function wildcardsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('wildcard' in value) return [value.wildcard].flat().filter((text) => typeof text === 'string');
  return 'anything-but' in value ? wildcardsOf(value['anything-but']) : [];
}

function affixFault(operator: string, operand: unknown): string | undefined {
  if (typeof operand === 'string') return undefined;
  const entries = typeof operand === 'object' && operand !== null ? Object.entries(operand) : [];
  const [[inner, text] = ['', undefined]] = entries;
  if (entries.length === 1 && inner === 'equals-ignore-case' && typeof text === 'string') return undefined;
  return `${operator} must be a string, or {"equals-ignore-case": a string}`;
}

const textFault = (operator: string, operand: unknown): string | undefined =>
  typeof operand === 'string' ? undefined : `${operator} must be a string`;

function cidrFault(operand: unknown): string | undefined {
  if (typeof operand === 'string' && blockOf(operand)) return undefined;
  return 'cidr must be an IPv4 block of /0 to /31, such as 10.0.0.0/8, or an IPv6 block of /0 to /127';
}

function wildcardOperandFault(operand: unknown): string | undefined {
  if (typeof operand !== 'string') return 'wildcard must be a string';
  const fault = wildcardFault(operand);
  return fault === undefined ? undefined : `wildcard ${fault}`;
}

const NEGATABLE = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'];

function anythingButFault(operand: unknown): string | undefined {
  if (typeof operand === 'string') return undefined;
  if (typeof operand === 'number') return numberFault(operand, 'anything-but');
  if (Array.isArray(operand)) return anythingButListFault(operand);
  const entries = typeof operand === 'object' && operand !== null ? Object.entries(operand) : [];
  const [[inner, texts] = ['', undefined]] = entries;
  if (entries.length === 1 && NEGATABLE.includes(inner)) return negatedFault(inner, texts);
  return `anything-but must be a string, a number, a list of either, or one of ${NEGATABLE.join(', ')}`;
}

function negatedFault(inner: string, texts: unknown): string | undefined {
  const list: unknown[] = Array.isArray(texts) ? texts : [texts];
  if (list.length === 0 || !list.every((text) => typeof text === 'string')) {
    return `anything-but ${inner} must be a string or a list of strings`;
  }
  if ((inner === 'prefix' || inner === 'suffix') && list.includes(''))
    return `anything-but ${inner} must not be empty`;
  const fault =
    inner === 'wildcard'
      ? list.map(wildcardOperandFault).find((message) => message !== undefined)
      : undefined;
  return fault === undefined ? undefined : `anything-but ${fault}`;
}

function anythingButListFault(list: unknown[]): string | undefined {
  if (list.length > 0 && list.every((element) => typeof element === 'string')) return undefined;
  if (list.length === 0 || !list.every((element) => typeof element === 'number')) {
    return 'anything-but must list strings only or numbers only';
  }
  return list.map((element) => numberFault(element, 'anything-but')).find((message) => message !== undefined);
}

function numericFault(operand: unknown): string | undefined {
  if (!Array.isArray(operand)) return 'numeric must be an array such as [">", 0, "<=", 5]';
  const [first, bottom, second, top, ...more] = operand as unknown[];
  if (!['=', '<', '<=', '>', '>='].includes(String(first)))
    return 'numeric must begin with =, <, <=, > or >=';
  const fault =
    numberFault(bottom, 'numeric') ?? (operand.length > 2 ? numberFault(top, 'numeric') : undefined);
  if (fault !== undefined || operand.length === 2) return fault;
  if (more.length > 0 || !['>', '>='].includes(String(first)) || !['<', '<='].includes(String(second))) {
    return 'numeric must be one comparison, or a range that gives its lower bound first, such as [">", 0, "<=", 5]';
  }
  return Number(bottom) < Number(top) ? undefined : 'numeric must have a lower bound below its upper bound';
}

function numberFault(value: unknown, operator: string): string | undefined {
  if (typeof value !== 'number') return `${operator} must compare with a number`;
  if (!(Math.abs(value) <= MAX_NUMBER)) return `${operator} must stay within -5e9 and 5e9`;
  return Number(value.toFixed(6)) === value
    ? undefined
    : `${operator} must have at most six digits after the point`;
}
