import type { SchemaObject } from '../json-schema/dialect.ts';

/** A limit on numbers: the value, and whether it is out of bounds itself. */
export interface Limit {
  at: number;
  exclusive: boolean;
}

const LOWER = { inclusive: 'minimum', exclusive: 'exclusiveMinimum' } as const;
const UPPER = { inclusive: 'maximum', exclusive: 'exclusiveMaximum' } as const;

/** The limit that one schema sets below (sign 1) or above (sign -1); whole numbers have no exclusive limits. */
export function limitOf(schema: SchemaObject, sign: 1 | -1, whole: boolean): Limit | undefined {
  const names = sign === 1 ? LOWER : UPPER;
  const limits: Limit[] = [];
  const inclusive = schema[names.inclusive];
  const exclusive = schema[names.exclusive];
  if (typeof inclusive === 'number') limits.push({ at: inclusive, exclusive: false });
  if (typeof exclusive === 'number') limits.push({ at: exclusive, exclusive: true });
  return tightest(whole ? limits.map((limit) => wholeLimit(limit, sign)) : limits, sign);
}

function wholeLimit({ at, exclusive }: Limit, sign: 1 | -1): Limit {
  const inward = sign === 1 ? Math.ceil(at) : Math.floor(at);
  return {
    at: exclusive && inward === at && Number.isSafeInteger(at) ? at + sign : inward,
    exclusive: exclusive && !Number.isSafeInteger(at),
  };
}

/** The tightest of several limits. */
export const tightest = (limits: Limit[], sign: 1 | -1): Limit | undefined =>
  limits.reduce<Limit | undefined>(
    (best, limit) => (best && atLeast(best, limit, sign) ? best : limit),
    undefined,
  );

/** Whether a limit leaves no more room than another one. */
export const atLeast = (tight: Limit, loose: Limit, sign: 1 | -1): boolean =>
  tight.at === loose.at ? tight.exclusive || !loose.exclusive : (tight.at - loose.at) * sign > 0;

/** The greatest (sign 1) or least (sign -1) number that any of these schemas gives for a keyword. */
export function extreme(all: SchemaObject[], keyword: string, sign: 1 | -1): number | undefined {
  const given = all.map((schema) => schema[keyword]).filter((value) => typeof value === 'number');
  if (given.length === 0) return undefined;
  return sign === 1 ? Math.max(...given) : Math.min(...given);
}
