import type { MinimisationClause } from '../../schemas/dataset.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { pseudonymsOf, type PseudonymScope } from './pseudonym.ts';
import { roundValue } from './round.ts';

type Applied = Exclude<MinimisationClause, { do: 'delay' }>;

/** Stands in place of a value that goes, so that the elements behind it keep their numbers until all clauses are done. */
export const DROPPED = Symbol('dropped');

/** What becomes of a value that a clause names. */
export type Change = (value: unknown, scope: PseudonymScope | undefined) => unknown;

/** What clauses say of a value and of what is below it. */
export interface Place {
  /** What becomes of this very value; nothing below it is then looked at. */
  change?: Change;
  /** Members or elements by name, those that `any` names too. */
  members: Map<string, Place>;
  /** All other members or elements. */
  any?: Place;
  /** Whether a member is to go, so that copying without it beats taking it out of a copy. */
  loses: boolean;
}

/** A list of clauses, read once for all events of a contract. */
export interface Plan {
  /** One after the other: within one, no clause names what another one names, nor anything above or below it. */
  passes: Place[];
  /** Makes the pseudonyms of the subject, where the contract pseudonymises at all. */
  subject: ReturnType<typeof pseudonymsOf> | undefined;
}

const plans = new WeakMap<MinimisationClause[], Plan>();

/** The plan of a list of clauses; the list is never changed. */
export function planOf(clauses: MinimisationClause[]): Plan {
  const known = plans.get(clauses);
  if (known) return known;
  const applied = clauses.filter((clause): clause is Applied => clause.do !== 'delay');
  // Drops last, so that no other clause brings back what one drops.
  const drops = applied.filter(({ do: what }) => what === 'drop');
  const others = applied.filter(({ do: what }) => what !== 'drop');
  const plan: Plan = {
    passes: passesOf([...others, ...drops]),
    subject: others.some(({ do: what }) => what === 'pseudonymise')
      ? pseudonymsOf(() => 'subject')
      : undefined,
  };
  plans.set(clauses, plan);
  return plan;
}

function passesOf(clauses: Applied[]): Place[] {
  const passes: { paths: string[][]; root: Place }[] = [];
  for (const clause of clauses) {
    const tokens = tokensOf(clause.path);
    const last = passes.at(-1);
    const apart = last && !last.paths.some((path) => meet(path, tokens));
    const pass = apart ? last : { paths: [], root: place() };
    if (!apart) passes.push(pass);
    pass.paths.push(tokens);
    add(pass.root, tokens, changeOf(clause));
  }
  for (const { root } of passes) spread(root);
  return passes.map(({ root }) => root);
}

const place = (): Place => ({ members: new Map(), loses: false });

/** Whether one path may name what the other names, or something above it. */
const meet = (one: string[], other: string[]): boolean =>
  one.slice(0, other.length).every((token, at) => token === other[at] || token === '*' || other[at] === '*');

function add(root: Place, tokens: string[], change: Change): void {
  let at = root;
  for (const token of tokens) {
    const next = (token === '*' ? at.any : at.members.get(token)) ?? place();
    if (token === '*') at.any = next;
    else at.members.set(token, next);
    at = next;
  }
  at.change = change;
}

/** Gives each named member what is said of any member too, so that a name is looked up once. */
function spread(at: Place): void {
  for (const member of at.members.values()) {
    if (at.any) merge(member, at.any);
    spread(member);
  }
  if (at.any) spread(at.any);
  at.loses = [...at.members.values(), ...(at.any ? [at.any] : [])].some(({ change }) => change === drop);
}

/** Adds what another place says, which is never of the same value: clauses of a pass are apart. */
function merge(into: Place, from: Place): void {
  if (from.change) into.change = from.change;
  for (const [name, below] of from.members) {
    const own = into.members.get(name) ?? place();
    merge(own, below);
    into.members.set(name, own);
  }
  if (!from.any) return;
  into.any ??= place();
  merge(into.any, from.any);
}

const drop: Change = () => DROPPED;

function changeOf(clause: Applied): Change {
  switch (clause.do) {
    case 'drop':
      return drop;
    case 'round': {
      const geographic = tokensOf(clause.path).includes('coordinates');
      return (value) => {
        const rounded = roundValue(value, clause.to, geographic);
        return rounded === undefined ? DROPPED : rounded;
      };
    }
    case 'pseudonymise': {
      const length = milliseconds(clause.rotate);
      const pseudonymIn = pseudonymsOf((period) => `${clause.path} ${period}`);
      return (value, scope) =>
        value === null ? null : pseudonymIn(required(scope), periodOf(scope, length), JSON.stringify(value));
    }
  }
}

const periodOf = (scope: PseudonymScope | undefined, length: number): number =>
  Math.floor(required(scope).acceptedAt.getTime() / length);

/** The scope, which a contract that pseudonymises needs. */
export function required(scope: PseudonymScope | undefined): PseudonymScope {
  if (!scope) throw new Error('a contract that pseudonymises needs the key of its pseudonyms');
  return scope;
}

/** The reference tokens of a JSON Pointer, unescaped (RFC 6901 section 4). */
export const tokensOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
