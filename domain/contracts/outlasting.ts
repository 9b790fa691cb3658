import { milliseconds } from '../../schemas/duration.ts';
import type { Terms } from '../../schemas/contract.ts';
import type { Fault } from '../../schemas/problem.ts';

const DAY_MS = 86_400_000;

/** Clauses that delay events for longer than their dataset keeps them: nothing would ever come. `path` is the list's. */
export function outlastingFaults(
  minimisation: Terms['minimisation'],
  retentionDays: number,
  path: string,
): Fault[] {
  return minimisation.flatMap((clause, index) =>
    clause.do === 'delay' && milliseconds(clause.by) >= retentionDays * DAY_MS
      ? [
          {
            path: `${path}/${index}/by`,
            message: `must be shorter than events are kept: ${retentionDays} day(s)`,
          },
        ]
      : [],
  );
}
