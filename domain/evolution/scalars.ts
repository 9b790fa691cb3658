import { equal } from './normalise.ts';
import { limitIn } from './facts.ts';
import { kindsOf } from './kinds.ts';
import { atLeast, extreme, limitOf } from './limits.ts';
import { type Asked, faultAt, type Rule, said } from './rules.ts';

/** `type`, `enum` and `const`. */
export const kindsAndValues: Rule = ({ facts, wanted, path }) => {
  const faults = [];
  if (wanted['type'] !== undefined) {
    const allowed = kindsOf(wanted['type']);
    const refused = [...facts.kinds].filter((kind) => !allowed.has(kind));
    if (refused.length > 0) faults.push(faultAt([...path, 'type'], `does not allow ${said(refused)}`));
  }
  for (const keyword of ['enum', 'const']) {
    if (!(keyword in wanted)) continue;
    const listed = keyword === 'const' ? [wanted['const']] : (wanted['enum'] as unknown[]);
    const refused = facts.values?.filter((value) => !listed.some((one) => equal(one, value)));
    if (!refused) faults.push(faultAt([...path, keyword], 'allows only certain values'));
    else if (refused.length > 0) faults.push(faultAt([...path, keyword], `does not allow ${said(refused)}`));
  }
  return faults;
};

/** Limits of numbers and `multipleOf`. */
export const numbers: Rule = (asked) => {
  const { facts, wanted, path } = asked;
  if (!facts.kinds.has('integer') && !facts.kinds.has('fraction')) return [];
  const whole = !facts.kinds.has('fraction');
  const faults = ([1, -1] as const).flatMap((sign) => {
    const limit = limitOf(wanted, sign, whole);
    const given = limitIn(facts, sign);
    if (!limit || (given && atLeast(given, limit, sign))) return [];
    const names = sign === 1 ? ['minimum', 'exclusiveMinimum'] : ['maximum', 'exclusiveMaximum'];
    const name = names.find((keyword) => keyword in wanted) ?? '';
    return [faultAt([...path, name], `does not allow numbers beyond ${limit.at}`)];
  });
  return [...faults, ...multiples(asked)];
};

function multiples({ facts, wanted, path }: Asked) {
  const step = wanted['multipleOf'];
  if (typeof step !== 'number') return [];
  // Only whole steps divide each other exactly; others are equal or not told.
  const fits = (given: unknown): boolean =>
    typeof given === 'number' &&
    (given === step || (Number.isSafeInteger(given) && Number.isSafeInteger(step) && given % step === 0));
  if (facts.all.some((schema) => fits(schema['multipleOf']))) return [];
  if (step === 1 && !facts.kinds.has('fraction')) return [];
  return [faultAt([...path, 'multipleOf'], `does not allow numbers that are no multiple of ${step}`)];
}

/** Lengths, patterns and formats of texts. */
export const texts: Rule = ({ facts, wanted, path }) => {
  if (!facts.kinds.has('string')) return [];
  const lengths = facts.values
    ?.filter((value) => typeof value === 'string')
    .map((value) => [...value].length);
  const least = lengths ? Math.min(...lengths) : extreme(facts.all, 'minLength', 1);
  const most = lengths ? Math.max(...lengths) : extreme(facts.all, 'maxLength', -1);
  const faults = [...countFaults(wanted, path, ['minLength', 'maxLength'], { least, most }, 'texts')];
  for (const keyword of ['pattern', 'format']) {
    const given = wanted[keyword];
    if (typeof given !== 'string' || facts.all.some((schema) => schema[keyword] === given)) continue;
    faults.push(faultAt([...path, keyword], `may not allow what it asks for now: ${given}`));
  }
  return faults;
};

/** What limits of a count would refuse, of what is certain to have at least and at most so many. */
export function countFaults(
  wanted: Record<string, unknown>,
  path: string[],
  [lower, upper]: readonly [string, string],
  { least = 0, most = Number.POSITIVE_INFINITY }: { least?: number | undefined; most?: number | undefined },
  what: string,
) {
  const low = wanted[lower];
  const high = wanted[upper];
  return [
    ...(typeof low === 'number' && least < low
      ? [faultAt([...path, lower], `does not allow ${what} with fewer than ${low}`)]
      : []),
    ...(typeof high === 'number' && most > high
      ? [faultAt([...path, upper], `does not allow ${what} with more than ${high}`)]
      : []),
  ];
}
