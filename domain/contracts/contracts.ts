import type { Contract } from '../../schemas/contract.ts';
import type { Caller } from '../../schemas/participant.ts';
import { absent, filteredPage } from '../control.ts';
import type { Page, PageRequest, Registry } from '../ports.ts';
import type { Part } from './transitions.ts';

/** What narrows a list of contracts; `role` is the caller's part in them. */
export interface ContractQuery {
  dataset?: string | undefined;
  state?: Contract['state'] | undefined;
  role?: 'provider' | 'consumer' | undefined;
}

/** In what capacities somebody meets a contract; none means that it is none of theirs. */
export function partsOf(contract: Contract, { participant, roles }: Caller): Part[] {
  const parts: Part[] = [];
  if (contract.provider === participant) parts.push('provider');
  if (contract.consumer === participant) parts.push('consumer');
  if (roles.includes('dpo')) parts.push('dpo');
  return parts;
}

/** One contract, for its parties, the operator and the DPO; for others it is not there. */
export async function readContract(
  registry: Pick<Registry, 'read'>,
  caller: Caller,
  id: string,
): Promise<Contract> {
  const contract = await registry.read('contract', id);
  const seen = contract && (partsOf(contract, caller).length > 0 || caller.roles.includes('operator'));
  if (!seen) throw absent('contract', id);
  return contract;
}

/**
 * The caller's contracts, as provider, then as consumer; for operator and DPO, who name a dataset or a state and no role,
 * all of the territory's: so the DPO finds what waits for it.
 */
export async function listContracts(
  registry: Pick<Registry, 'list'>,
  caller: Caller,
  query: ContractQuery,
  page: PageRequest,
): Promise<Page<Contract>> {
  const { dataset, state } = query;
  const seesAll = caller.roles.includes('operator') || caller.roles.includes('dpo');
  if (seesAll && query.role === undefined) {
    if (state !== undefined) return contractsInState(registry, state, dataset, page);
    if (dataset !== undefined) return registry.list('contractsOfDataset', { dataset }, page);
  }
  const keep = (contract: Contract): boolean => dataset === undefined || contract.dataset === dataset;
  const { participant: provider, participant: consumer } = caller;
  const asProvider = (some: PageRequest): Promise<Page<Contract>> =>
    state === undefined
      ? registry.list('contractsOfProvider', { provider }, some)
      : registry.list('contractsOfProviderInState', { provider, state }, some);
  const asConsumer = (some: PageRequest): Promise<Page<Contract>> =>
    state === undefined
      ? registry.list('contractsOfConsumer', { consumer }, some)
      : registry.list('contractsOfConsumerInState', { consumer, state }, some);
  if (query.role === 'provider') return filteredPage(asProvider, page, keep);
  if (query.role === 'consumer') return filteredPage(asConsumer, page, keep);
  const notTwice = (contract: Contract): boolean =>
    keep(contract) && contract.provider !== caller.participant;
  return oneAfterOther(
    page,
    (some) => filteredPage(asProvider, some, keep),
    (some) => filteredPage(asConsumer, some, notTwice),
  );
}

/** The territory's contracts of a state, or those of one dataset, which lie side by side in that list. */
async function contractsInState(
  registry: Pick<Registry, 'list'>,
  state: Contract['state'],
  dataset: string | undefined,
  page: PageRequest,
): Promise<Page<Contract>> {
  if (dataset === undefined) return registry.list('contractsInState', { state }, page);
  const found = await registry.list('contractsInState', { state }, { ...page, after: `${dataset}/` });
  const items = found.items.filter((contract) => contract.dataset === dataset);
  return { items, next: items.length < found.items.length ? null : found.next };
}

/** Two lists as one: cursors of the second begin with a mark. */
async function oneAfterOther<Item>(
  page: PageRequest,
  first: (page: PageRequest) => Promise<Page<Item>>,
  second: (page: PageRequest) => Promise<Page<Item>>,
): Promise<Page<Item>> {
  const marked = async (some: PageRequest): Promise<Page<Item>> => {
    const found = await second(some);
    return { items: found.items, next: found.next === null ? null : SECOND + found.next };
  };
  if (page.cursor?.startsWith(SECOND)) {
    const cursor = page.cursor.slice(SECOND.length);
    return marked({ limit: page.limit, ...(cursor !== '' && { cursor }) });
  }
  const found = await first(page);
  if (found.next !== null) return found;
  const limit = page.limit - found.items.length;
  if (limit === 0) return { items: found.items, next: SECOND };
  const rest = await marked({ limit });
  return { items: [...found.items, ...rest.items], next: rest.next };
}

const SECOND = '~';
