import type { Contract } from '../../schemas/contract.ts';
import { type Dataset, NOTICE_DAYS } from '../../schemas/dataset.ts';
import { isOver } from '../contracts/transitions.ts';
import { everyItem } from '../control.ts';
import type { JudgeChange } from '../datasets/put.ts';
import { coversType } from '../deliver/verdict.ts';
import type { Registry } from '../ports.ts';
import { compare } from './compare.ts';

const DAY_MS = 86_400_000;

/** What a changed schema breaks of the compatibility that was declared; none where none was declared. */
export const judgeChange: JudgeChange = ({ version, schema: before }, { schema: after }, declared) => {
  if (declared === 'none') return [];
  const { backward, forward } = compare(before, after);
  const older = `in version ${version}`;
  return [
    ...(declared === 'forward' ? [] : backward),
    ...(declared === 'backward'
      ? []
      : forward.map(({ path, message }) => ({ path, message: `${older}: ${message}` }))),
  ];
};

/** A contract that a breaking change touches, and when it may be in force for it. */
export interface Touched {
  contract: string;
  consumer: string;
  noticeDays: number;
  earliest: string;
}

/** The contracts on a type that are agreed and not over, each with the end of its notice. */
export async function touchedBy(
  registry: Pick<Registry, 'list'>,
  dataset: Dataset,
  type: string,
  now: Date,
): Promise<{ contracts: Contract[]; touched: Touched[]; earliest: string }> {
  const contracts: Contract[] = [];
  const listed = everyItem((page) => registry.list('contractsOfDataset', { dataset: dataset.id }, page));
  for await (const contract of listed) {
    if (isBound(contract) && coversType(contract, type)) contracts.push(contract);
  }
  const touched = contracts.map(({ id, consumer, terms }) => {
    const noticeDays = terms.noticeDays ?? NOTICE_DAYS;
    return { contract: id, consumer, noticeDays, earliest: inDays(now, noticeDays) };
  });
  const earliest = inDays(now, Math.max(0, ...touched.map(({ noticeDays }) => noticeDays)));
  return { contracts, touched, earliest };
}

const isBound = ({ state }: Contract): boolean =>
  !isOver(state) && state !== 'requested' && state !== 'offered';

const inDays = (now: Date, days: number): string => new Date(now.getTime() + days * DAY_MS).toISOString();
