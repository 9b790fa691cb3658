import type { MinimisationClause } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import { pointerToken } from '../../schemas/problem.ts';
import { conditionsOf, type Pattern } from './flatten.ts';

const VERBS = { drop: 'drops', round: 'rounds', pseudonymise: 'pseudonymises' } as const;

/** Where a filter's keys reach in the event, as JSON Pointers without the arrays on the way. */
export const pathsOf = (filter: Pattern): string[] => [
  ...new Set(
    conditionsOf(filter).map(({ path }) =>
      path
        .split('.')
        .map((name) => `/${pointerToken(name)}`)
        .join(''),
    ),
  ),
];

/**
 * The keys of a filter that would tell what a contract hides: at, under or above a path that it drops, rounds or
 * pseudonymises; and the subject wherever it pseudonymises at all, since that replaces the subject too.
 */
export function hiddenPathConflicts(
  filter: Pattern,
  clauses: MinimisationClause[],
  base = '/filter',
): Fault[] {
  return conditionsOf(filter).flatMap(({ path, pointer }) => {
    const clause = clauses.find((candidate) => candidate.do !== 'delay' && hides(candidate, path.split('.')));
    if (!clause || clause.do === 'delay') return [];
    const message = `reaches what the contract ${VERBS[clause.do]} at ${clause.path} (clause ${clause.clause})`;
    return [{ path: base + pointer, message }];
  });
}

/** What is known of a filter under some clauses; both are objects that stay the same while they are in force. */
const revealed = new WeakMap<Pattern, WeakMap<MinimisationClause[], string | null>>();

/** The first clause whose secret a filter would tell; undefined where it tells none. Judged once for each pair. */
export function revealedClause(
  filter: Pattern | undefined,
  clauses: MinimisationClause[] | undefined,
): string | undefined {
  if (!filter || !clauses || clauses.length === 0) return undefined;
  const known = revealed.get(filter) ?? new WeakMap<MinimisationClause[], string | null>();
  revealed.set(filter, known);
  let clause = known.get(clauses);
  if (clause === undefined) {
    clause = hidingClause(filter, clauses) ?? null;
    known.set(clauses, clause);
  }
  return clause ?? undefined;
}

function hidingClause(filter: Pattern, clauses: MinimisationClause[]): string | undefined {
  const paths = conditionsOf(filter).map(({ path }) => path.split('.'));
  return clauses.find((clause) => clause.do !== 'delay' && paths.some((names) => hides(clause, names)))
    ?.clause;
}

function hides(clause: Exclude<MinimisationClause, { do: 'delay' }>, names: string[]): boolean {
  if (clause.do === 'pseudonymise' && names[0] === 'subject') return true;
  return meets(names, stepsOf(clause.path));
}

/** One step of a clause's path: a name; an index, which filters skip, or else a name of digits; or any, `*`. */
type Step = { kind: 'name' | 'index'; name: string } | { kind: 'any' };

function stepsOf(path: string): Step[] {
  return path
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .flatMap((token): Step[] => {
      if (token === '*') return [{ kind: 'any' }];
      if (/^\d+$/.test(token)) return [{ kind: 'index', name: token }];
      // EventBridge reads a name that has full stops as several, so a filter may write it either way.
      return token.split('.').map((name) => ({ kind: 'name', name }));
    });
}

/**
 * Whether a filter's names lead to a clause's path, below it, or to a name above it. `*` may be an array's elements,
 * which a filter skips, or a member, whose name may have full stops: any number of names. What a `*` took is not
 * above: a filter sees scalars only, and a scalar beside what the clause names holds none of it.
 */
function meets(names: string[], steps: Step[]): boolean {
  let reached = skipping(new Set([stateOf(0, true)]), steps);
  for (const name of names) {
    const next = new Set<number>();
    for (const state of reached) {
      const at = state >> 1;
      const step = steps[at];
      if (!step) return true;
      if (step.kind === 'any') next.add(stateOf(at, false));
      else if (step.name === name) next.add(stateOf(at + 1, true));
    }
    reached = skipping(next, steps);
  }
  return [...reached].some((state) => (state & 1) === 1 || state >> 1 === steps.length);
}

/** How many steps of the clause are behind, and whether the last name was taken by a name. */
const stateOf = (at: number, named: boolean): number => at * 2 + Number(named);

/** Adds what is reached without a name: array levels. */
function skipping(states: Set<number>, steps: Step[]): Set<number> {
  // A set gives what is added to it while it is gone through.
  for (const state of states) {
    const kind = steps[state >> 1]?.kind;
    if (kind === 'any' || kind === 'index') states.add(state + 2);
  }
  return states;
}
