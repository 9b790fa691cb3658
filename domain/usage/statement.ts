import type { Contract } from '../../schemas/contract.ts';
import type { Caller } from '../../schemas/participant.ts';
import { itemsOf, partyContract, summed, type UsageDeps, type UsageItem } from './figures.ts';
import { dayOf } from './period.ts';

/** A month of one contract, as either party files it. */
export interface Statement extends Pick<Contract, 'dataset' | 'provider' | 'consumer' | 'purpose'> {
  contract: string;
  month: string;
  /** False while the month goes on: then the figures are those so far. */
  final: boolean;
  terms: Pick<Contract['terms'], 'quota' | 'price'>;
  items: UsageItem[];
  total: Omit<UsageItem, 'contract' | 'dataset'>;
}

/** What was under way at a month's end has been counted by then. */
const SETTLED_AFTER_MS = 5 * 60_000;

/** The statement of a month, for either party of the contract. */
export async function statementOf(
  deps: UsageDeps,
  caller: Caller,
  id: string,
  month: string,
): Promise<Statement> {
  const contract = await partyContract(deps.registry, caller, id);
  const [year = 0, number = 0] = month.split('-').map(Number);
  const end = Date.UTC(year, number, 1);
  const items = await itemsOf(deps, contract, { from: `${month}-01`, to: dayOf(new Date(end - 1)) });
  const { dataset, provider, consumer, purpose, terms } = contract;
  const { contract: _, dataset: __, ...total } = summed(contract, items);
  return {
    contract: contract.id,
    dataset,
    provider,
    consumer,
    purpose,
    month,
    final: deps.now().getTime() >= end + SETTLED_AFTER_MS,
    terms: { ...(terms.quota && { quota: terms.quota }), ...(terms.price && { price: terms.price }) },
    items,
    total,
  };
}

const COLUMNS = [
  'contract',
  'dataset',
  'provider',
  'consumer',
  'day',
  'events',
  'bytes',
  'price',
  'currency',
];

/** A statement as CSV (RFC 4180): a line for each day, the last one for the month. No field needs quotes. */
export function statementCsv(statement: Statement): string {
  const { contract, dataset, provider, consumer, items, total, month } = statement;
  const lines = [...items, { ...total, day: month }].map(({ day, events, bytes, price }) => [
    contract,
    dataset,
    provider,
    consumer,
    day,
    events,
    bytes,
    price?.amount ?? '',
    price?.currency ?? '',
  ]);
  return [COLUMNS, ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}
