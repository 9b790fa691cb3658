import type { Contract } from '../../schemas/contract.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { DayFigures } from '../../schemas/usage.ts';
import { listContracts } from '../contracts/contracts.ts';
import { absent } from '../control.ts';
import type { Clock, Page, PageRequest, Registry, Usage } from '../ports.ts';
import { pageOfWhole } from '../whole-list.ts';
import { daysInForce } from './in-force.ts';
import { dayOf } from './period.ts';
import { MILLIONTHS } from './tally.ts';

/** What telling usage needs of the world. */
export interface UsageDeps {
  registry: Pick<Registry, 'read' | 'list'>;
  usage: Pick<Usage, 'days'>;
  now: Clock;
}

/** An amount of money, to the millionth of the currency's unit. */
export interface Amount {
  amount: number;
  currency: string;
}

/** What a contract gave: events and bytes handed over, and what they cost; of a day, or of all days asked for. */
export interface UsageItem {
  contract: string;
  dataset: string;
  day?: string;
  events: number;
  bytes: number;
  /** Absent where the contract has no price. */
  price?: Amount;
}

/** What a contract gave on one day. */
type DayItem = UsageItem & { day: string };

/** The days asked for, both included. */
export interface Days {
  from: string;
  to: string;
}

const MOST_DAYS = 366;

/** A contract of the caller's; for anybody but its two parties it is not there. */
export async function partyContract(
  registry: Pick<Registry, 'read'>,
  { participant }: Caller,
  id: string,
): Promise<Contract> {
  const contract = await registry.read('contract', id);
  if (!contract || (contract.provider !== participant && contract.consumer !== participant))
    throw absent('contract', id);
  return contract;
}

/**
 * Usage by day, or summed up: of one contract, or of each of the caller's. Both parties see the same figures. Without
 * `from` the month so far.
 */
export async function usageOf(
  deps: UsageDeps,
  caller: Caller,
  query: { contract?: string | undefined; by?: 'day' | undefined } & Partial<Days>,
  page: PageRequest,
): Promise<Days & Page<UsageItem>> {
  const days = daysAsked(query, deps.now());
  const contracts = contractsOf(deps.registry, caller, query.contract);
  if (query.by === 'day') return { ...days, ...(await dayByDay(deps, contracts, days, page)) };
  const { items, next } = await contracts(page);
  const sums = items.map(async (contract) => summed(contract, await itemsOf(deps, contract, days)));
  return { ...days, items: await Promise.all(sums), next };
}

type Contracts = (page: PageRequest) => Promise<Page<Contract>>;

/** The contract asked for, or the caller's page by page. */
const contractsOf =
  (registry: UsageDeps['registry'], caller: Caller, id: string | undefined): Contracts =>
  async (page) =>
    id === undefined
      ? listContracts(registry, { ...caller, roles: [] }, {}, page)
      : pageOfWhole([await partyContract(registry, caller, id)], page);

/** How often one page looks for further contracts: of those without usage it is short, with a cursor. */
const MOST_ROUNDS = 10;

/** As many contracts as are sure to fit, and then others; of one that does not fit alone the days that do. */
async function dayByDay(
  deps: UsageDeps,
  contracts: Contracts,
  days: Days,
  { limit, cursor }: PageRequest,
): Promise<Page<UsageItem>> {
  let { told, list } = placeIn(cursor);
  const items: UsageItem[] = [];
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const room = limit - items.length;
    const fit = Math.floor(room / countOf(days));
    if (fit === 0 && items.length > 0) break;
    const found = await contracts({ limit: Math.max(fit, 1), ...(list !== '' && { cursor: list }) });
    const each = await Promise.all(found.items.map((contract) => itemsOf(deps, contract, days)));
    const untold = each.flat().filter(({ contract, day }) => contract !== told?.contract || day > told.day);
    items.push(...untold.slice(0, room));
    const last = untold[room - 1];
    if (last && untold.length > room) return { items, next: `${last.day}.${last.contract}.${list}` };
    if (found.next === null) return { items, next: null };
    list = found.next;
    told = undefined;
  }
  return { items, next: list };
}

/** A cursor by day: that of the list of contracts, and before it the last day told where its first one goes on. */
function placeIn(cursor = ''): { told: { day: string; contract: string } | undefined; list: string } {
  const [, day, contract, list] = /^([\d-]+)\.(\w+)\.(.*)$/.exec(cursor) ?? [];
  if (day === undefined || contract === undefined || list === undefined)
    return { told: undefined, list: cursor };
  return { told: { day, contract }, list };
}

function daysAsked({ from, to }: Partial<Days>, now: Date): Days {
  const last = to ?? dayOf(now);
  const days = { from: from ?? `${last.slice(0, 7)}-01`, to: last };
  const count = countOf(days);
  if (count >= 1 && count <= MOST_DAYS) return days;
  const message = `must be on or after from, and at most ${MOST_DAYS} days in all`;
  throw new ProblemError('not-valid', 'The query is not valid: 1 error', {
    errors: [{ path: '/to', message }],
  });
}

const countOf = ({ from, to }: Days): number => (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;

/** A contract's usage on each day that has any, or a price. */
export async function itemsOf(
  { usage, now }: Pick<UsageDeps, 'usage' | 'now'>,
  contract: Contract,
  { from, to }: Days,
): Promise<DayItem[]> {
  const figures = new Map((await usage.days(contract.id, from, to)).map((one) => [one.day, one]));
  const flat = flatCharges(contract, now());
  const days = [...new Set([...figures.keys(), ...flat.keys()])].filter((day) => day >= from && day <= to);
  return days.sort().map((day) => itemOf(contract, day, figures.get(day), flat.get(day) ?? 0));
}

function itemOf(
  contract: Contract,
  day: string,
  { events = 0, bytes = 0, charge = 0 }: Partial<DayFigures> = {},
  flat: number,
): DayItem {
  const { currency } = contract.terms.price ?? {};
  const price = currency !== undefined && { price: { amount: (charge + flat) / MILLIONTHS, currency } };
  return { contract: contract.id, dataset: contract.dataset, day, events, bytes, ...price };
}

/** What days cost by a price for days or months, in millionths: a month is charged on the first day it is in force. */
function flatCharges(contract: Contract, now: Date): Map<string, number> {
  const { price } = contract.terms;
  if (!price || price.per === 'event') return new Map();
  const charge = Math.round(price.amount * MILLIONTHS);
  const days = daysInForce(contract, now);
  const charged =
    price.per === 'P1D'
      ? days
      : days.filter((day, index) => day.slice(0, 7) !== days[index - 1]?.slice(0, 7));
  return new Map(charged.map((day) => [day, charge]));
}

/** Many days as one. */
export function summed(contract: Contract, items: UsageItem[]): UsageItem {
  const { currency } = contract.terms.price ?? {};
  const millionths = items.reduce((sum, { price }) => sum + Math.round((price?.amount ?? 0) * MILLIONTHS), 0);
  return {
    contract: contract.id,
    dataset: contract.dataset,
    events: items.reduce((sum, { events }) => sum + events, 0),
    bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(currency !== undefined && { price: { amount: millionths / MILLIONTHS, currency } }),
  };
}
