import type { MinimisationClause } from '../../schemas/dataset.ts';
import { seconds } from '../../schemas/duration.ts';

/**
 * Whether one clause of minimisation takes away at least what another one does: an order on clauses, their names
 * apart. Dropping covers rounding and pseudonyms of the same value; rounding and pseudonyms do not compare.
 */
export function covers(clause: MinimisationClause, other: MinimisationClause): boolean {
  if (clause.do === 'delay' || other.do === 'delay') {
    return clause.do === 'delay' && other.do === 'delay' && seconds(clause.by) >= seconds(other.by);
  }
  if (clause.do === 'drop') return reaches(clause.path, other.path, { below: true });
  if (!reaches(clause.path, other.path, { below: false })) return false;
  if (clause.do === 'round') return other.do === 'round' && isMultiple(clause.to, other.to);
  return other.do === 'pseudonymise' && seconds(clause.rotate) <= seconds(other.rotate);
}

/** Whether a path names all that another one names, `*` being any member or element; and what lies below it. */
export function reaches(path: string, other: string, { below }: { below: boolean }): boolean {
  const [tokens, others] = [path.split('/'), other.split('/')];
  if (below ? tokens.length > others.length : tokens.length !== others.length) return false;
  return tokens.every((token, index) => token === '*' || token === others[index]);
}

/** Whether a number is a whole multiple of another one, judged by their decimal digits: 0.3 is one of 0.1. */
function isMultiple(number: number, of: number): boolean {
  const [one, other] = [decimal(number), decimal(of)];
  const places = Math.max(one.places, other.places);
  return scaled(one, places) % scaled(other, places) === 0n;
}

interface Decimal {
  digits: bigint;
  places: number;
}

function decimal(number: number): Decimal {
  const [mantissa = '0', exponent = '0'] = String(number).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), places: fraction.length - Number(exponent) };
}

const scaled = ({ digits, places }: Decimal, to: number): bigint => digits * 10n ** BigInt(to - places);
