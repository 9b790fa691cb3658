import type { Fault } from '../../schemas/problem.ts';
import { factsOf, limitIn, type Facts } from './facts.ts';
import { common } from './kinds.ts';
import { same, type Schema, type Side, targetOf } from './normalise.ts';
import { membersAt, requiredIn } from './objects.ts';
import { type Asked, faultAt, type Rule } from './rules.ts';
import { holds } from './values.ts';

const listOf = (value: unknown): Schema[] => (Array.isArray(value) ? (value as Schema[]) : []);

/** `$ref`, `allOf`, `anyOf`, `oneOf`, `not`, and `if` with `then` and `else`. */
export const branches: Rule = (asked) => {
  const { wanted, path, here } = asked;
  const all = listOf(wanted['allOf']).flatMap((schema, index) =>
    here({ schema, path: [...path, 'allOf', String(index)] }),
  );
  return [
    ...reference(asked),
    ...all,
    ...anyOf(asked),
    ...oneOf(asked),
    ...not(asked),
    ...conditional(asked),
  ];
};

function reference({ to, wanted, path, here }: Asked): Fault[] {
  if (!('$ref' in wanted)) return [];
  const target = targetOf(to, wanted);
  return target
    ? here({ schema: target.schema, path: target.pointer })
    : [faultAt([...path, '$ref'], 'leads to what cannot be compared')];
}

function anyOf({ wanted, path, here }: Asked): Fault[] {
  const options = listOf(wanted['anyOf']);
  if (options.length === 0) return [];
  const covered = options.some(
    (schema, index) => here({ schema, path: [...path, 'anyOf', String(index)] }).length === 0,
  );
  return covered ? [] : [faultAt([...path, 'anyOf'], 'has no alternative for some of the data')];
}

function oneOf({ from, to, facts, wanted, path, here }: Asked): Fault[] {
  const options = listOf(wanted['oneOf']);
  if (options.length === 0) return [];
  const known = facts.all.some((schema) => {
    const own = listOf(schema['oneOf']);
    return (
      own.length === options.length &&
      own.every((option, index) => same(option, from, options[index] ?? true, to))
    );
  });
  const fits = (schema: Schema, index: number): boolean =>
    here({ schema, path: [...path, 'oneOf', String(index)] }).length === 0 &&
    options.every((other, at) => at === index || areDisjoint(from, facts, to, other));
  return known || options.some(fits)
    ? []
    : [faultAt([...path, 'oneOf'], 'has no alternative, or several at once, for some of the data')];
}

function not({ from, to, facts, wanted, path }: Asked): Fault[] {
  if (!('not' in wanted)) return [];
  const refused = wanted['not'] as Schema;
  const known =
    areDisjoint(from, facts, to, refused) ||
    facts.all.some((schema) => 'not' in schema && same(schema['not'] as Schema, from, refused, to));
  return known ? [] : [faultAt([...path, 'not'], 'may refuse some of the data')];
}

function conditional({ from, to, facts, wanted, path, here }: Asked): Fault[] {
  if (!('if' in wanted)) return [];
  const names = ['if', 'then', 'else'];
  const known = facts.all.some((schema) =>
    names.every((name) => {
      if (!(name in schema) || !(name in wanted)) return name in schema === name in wanted;
      return same(schema[name] as Schema, from, wanted[name] as Schema, to);
    }),
  );
  if (known) return [];
  return ['then', 'else'].flatMap((name) =>
    name in wanted ? here({ schema: wanted[name] as Schema, path: [...path, name] }) : [],
  );
}

/** Whether it is certain that no data obeys both the facts of one side and a schema of the other. */
export function areDisjoint(from: Side, facts: Facts, to: Side, schema: Schema, depth = 0): boolean {
  const other = factsOf(to, [schema]);
  if (facts.impossible || other.impossible) return true;
  const shared = common(facts.kinds, other.kinds);
  if (shared.size === 0) return true;
  if (facts.values?.every((value) => other.all.some((one) => holds(to, value, one) === false))) return true;
  if (other.values?.every((value) => facts.all.some((one) => holds(from, value, one) === false))) return true;
  const only = (...kinds: string[]): boolean => [...shared].every((kind) => kinds.includes(kind));
  if (only('integer', 'fraction')) return apart(facts, other) || apart(other, facts);
  return only('object') && depth < 4 && differInMember(from, facts, to, other, depth);
}

/** Whether the greatest number of the one is below the least of the other. */
function apart(one: Facts, other: Facts): boolean {
  const most = limitIn(one, -1);
  const least = limitIn(other, 1);
  if (!most || !least) return false;
  return most.at < least.at || (most.at === least.at && (most.exclusive || least.exclusive));
}

/** Whether some member that is certain to be there cannot obey both. */
function differInMember(from: Side, facts: Facts, to: Side, other: Facts, depth: number): boolean {
  return [...requiredIn([...facts.all, ...other.all])].some((name) => {
    const mine = factsOf(
      from,
      facts.all.flatMap((schema) => membersAt(schema, name).map((placed) => placed.schema)),
    );
    const theirs = other.all.flatMap((schema) => membersAt(schema, name).map((placed) => placed.schema));
    return mine.impossible || theirs.some((schema) => areDisjoint(from, mine, to, schema, depth + 1));
  });
}
