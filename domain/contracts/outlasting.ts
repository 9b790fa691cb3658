import { milliseconds } from '../../schemas/duration.ts';
import type { Contract, Terms } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import { allItems } from '../control.ts';
import type { Registry } from '../ports.ts';
import { isOver } from './transitions.ts';

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

/** Contracts on a dataset, in force or being made, that a shorter retention would leave without any event. */
export async function outlastedContracts(
  registry: Pick<Registry, 'list'>,
  { id, retentionDays: before }: Pick<Dataset, 'id' | 'retentionDays'>,
  retentionDays: number,
): Promise<Fault[]> {
  if (retentionDays >= before) return [];
  const listed = await allItems<Contract>((page) =>
    registry.list('contractsOfDataset', { dataset: id }, page),
  );
  return listed.filter(isDelayedBeyond(retentionDays)).map((contract) => ({
    path: '/retentionDays',
    message: `must be longer than the contract ${contract.id} delays events: revise or terminate it first`,
  }));
}

const isDelayedBeyond =
  (retentionDays: number) =>
  ({ state, terms, proposed, termsChange }: Contract): boolean =>
    !isOver(state) &&
    [terms, proposed?.terms, termsChange?.terms].some(
      (some) => some && outlastingFaults(some.minimisation, retentionDays, '').length > 0,
    );
