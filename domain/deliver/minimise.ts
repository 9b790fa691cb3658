import type { CloudEvent } from '../../events/cloudevent.ts';
import type { MinimisationClause } from '../../schemas/dataset.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { deliveredId, pseudonym, type PseudonymScope } from './pseudonym.ts';
import { roundValue } from './round.ts';

type Applied = Exclude<MinimisationClause, { do: 'delay' }>;
type Change = (value: unknown) => unknown;
type Container = Record<string, unknown> | unknown[];

/** A clause that is read once for all events of a contract. */
interface Compiled {
  tokens: string[];
  change: (scope: PseudonymScope | undefined) => Change;
}
const compiled = new WeakMap<MinimisationClause[], Compiled[]>();

/** Stands in place of a value that goes, so that the elements behind it keep their numbers until all clauses are done. */
const DROPPED = Symbol('dropped');

/** All attributes that say nothing of whom an event concerns; extensions of the publisher's might. */
const IMPERSONAL = [
  'specversion',
  'source',
  'type',
  'time',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
];

/**
 * The event as one contract lets its consumer see it: a new event, the given one untouched. Clauses apply in order,
 * drops last, so that no other clause brings back what one drops. A value that a clause cannot treat is dropped.
 */
export function minimise(
  event: CloudEvent,
  clauses: MinimisationClause[],
  scope: PseudonymScope | undefined,
): CloudEvent {
  const run: Run = { owned: new Set(), holed: [] };
  // Containers are copied once, on the way to what a clause changes; all others are shared.
  const result = ownedCopy(event, run) as CloudEvent;
  for (const { tokens, change } of compiledOf(clauses)) walk(result, tokens, 0, change(scope), run);
  for (const elements of run.holed) closeUp(elements);
  return clauses.some(({ do: what }) => what === 'pseudonymise')
    ? withoutIdentity(result, required(scope))
    : result;
}

function compiledOf(clauses: MinimisationClause[]): Compiled[] {
  const known = compiled.get(clauses);
  if (known) return known;
  const applied = clauses.filter((clause): clause is Applied => clause.do !== 'delay');
  const ordered = [
    ...applied.filter(({ do: what }) => what !== 'drop'),
    ...applied.filter(({ do: what }) => what === 'drop'),
  ];
  const made = ordered.map((clause) => ({ tokens: tokensOf(clause.path), change: changeOf(clause) }));
  compiled.set(clauses, made);
  return made;
}

function changeOf(clause: Applied): Compiled['change'] {
  switch (clause.do) {
    case 'drop':
      return () => () => DROPPED;
    case 'round': {
      const geographic = tokensOf(clause.path).includes('coordinates');
      const change: Change = (value) => roundValue(value, clause.to, geographic) ?? DROPPED;
      return () => change;
    }
    case 'pseudonymise': {
      const length = milliseconds(clause.rotate);
      return (scope) => {
        const given = required(scope);
        const use = `${clause.path} ${Math.floor(given.acceptedAt.getTime() / length)}`;
        return (value) => (value === null ? null : pseudonym(given, use, JSON.stringify(value)));
      };
    }
  }
}

/** Replaces `id` and `subject` per contract, so that two consumers cannot join what each of them got. */
function withoutIdentity(event: CloudEvent, scope: PseudonymScope): CloudEvent {
  const kept: Record<string, unknown> = { id: deliveredId(scope) };
  for (const name of IMPERSONAL) if (event[name] !== undefined) kept[name] = event[name];
  if (event.subject !== undefined) kept['subject'] = pseudonym(scope, 'subject', event.subject);
  // Safe: what an event must have is among what is kept.
  return kept as CloudEvent;
}

/** What one run has copied and may change, and the arrays from which something goes. */
interface Run {
  owned: Set<object>;
  holed: unknown[][];
}

function ownedCopy(value: object, { owned }: Run): Container {
  // Safe: JSON has no other objects.
  if (owned.has(value)) return value as Container;
  const copy: Container = Array.isArray(value) ? [...(value as unknown[])] : { ...value };
  owned.add(copy);
  return copy;
}

/** Changes everything at the path below a container that is owned. */
function walk(container: Container, tokens: string[], depth: number, change: Change, run: Run): void {
  const token = tokens[depth] ?? '';
  if (token === '*')
    for (const name of Object.keys(container)) step(container, name, tokens, depth, change, run);
  else if (Object.hasOwn(container, token) && !(token === 'length' && Array.isArray(container)))
    step(container, token, tokens, depth, change, run);
}

function step(
  container: Container,
  name: string,
  tokens: string[],
  depth: number,
  change: Change,
  run: Run,
): void {
  // Safe: an array's elements are read by the texts of their numbers.
  const members = container as Record<string, unknown>;
  const value = members[name];
  if (value === DROPPED) return;
  if (depth === tokens.length - 1) {
    const changed = change(value);
    if (changed !== DROPPED) put(members, name, changed);
    else if (!Array.isArray(container)) Reflect.deleteProperty(members, name);
    else {
      members[name] = DROPPED;
      if (!run.holed.includes(container)) run.holed.push(container);
    }
  } else if (typeof value === 'object' && value !== null) {
    const copy = ownedCopy(value, run);
    if (copy !== value) put(members, name, copy);
    walk(copy, tokens, depth + 1, change, run);
  }
}

function put(members: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') members[name] = value;
  // An assignment would set the prototype; a member of this name stays a member.
  else Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Takes what was dropped out of an array. */
function closeUp(elements: unknown[]): void {
  const left = elements.filter((element) => element !== DROPPED);
  elements.length = 0;
  for (const element of left) elements.push(element);
}

/** The reference tokens of a JSON Pointer, unescaped (RFC 6901 section 4). */
export const tokensOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

function required(scope: PseudonymScope | undefined): PseudonymScope {
  if (!scope) throw new Error('a contract that pseudonymises needs the key of its pseudonyms');
  return scope;
}
