import type { Contract } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import { eachApart } from '../clock/apart.ts';
import { allItems, type ControlDeps, everyItem } from '../control.ts';
import { contractNotices, endingNotices } from '../notices.ts';
import type { Change } from '../ports.ts';
import { settled } from './dates.ts';
import { dueAt, dueReminder } from './due.ts';
import { announced } from './offer-change.ts';
import { isOver } from './transitions.ts';

/**
 * Brings contracts to where their dates have led: started, bound to changed terms, reminded of their end, expired.
 * Reads those that are due and no others; each stands for itself. Answers how many moved.
 */
export async function settleContracts(deps: ControlDeps): Promise<number> {
  const due: Contract[] = [];
  for await (const contract of everyItem((page) => deps.registry.list('contractsDue', {}, page))) {
    if (Date.parse(dueAt(contract) ?? '') > deps.now().getTime()) break;
    due.push(contract);
  }
  let moved = 0;
  await eachApart(due, async (contract) => {
    if (await settleContract(deps, contract)) moved += 1;
  });
  return moved;
}

/** Keeps what a contract's dates brought about, and tells both parties; false when there was nothing, or it moved. */
export async function settleContract(deps: ControlDeps, before: Contract): Promise<boolean> {
  const now = deps.now();
  const moved = settled(before, now);
  const days = dueReminder(moved, now);
  if (moved === before && days === undefined) return false;
  const item = days === undefined ? moved : { ...moved, reminded: days, revision: before.revision + 1 };
  const parties = [item.provider, item.consumer];
  return deps.registry.write([
    { do: 'replace', noun: 'contract', before, item },
    ...(moved === before ? [] : contractNotices(parties, item, now, deps.random)),
    ...(days === undefined ? [] : endingNotices(parties, item, now, deps.random)),
  ]);
}

/** Tells contracts of their datasets' changed offers, and plans what binds them. Answers how many were told. */
export async function announceOffers(deps: ControlDeps): Promise<number> {
  let told = 0;
  const listed = await allItems((page) => deps.registry.list('datasetsToAnnounce', {}, page));
  await eachApart(listed, async (dataset) => {
    told += await announceOffer(deps, dataset);
  });
  return told;
}

async function announceOffer(deps: ControlDeps, { id }: Dataset): Promise<number> {
  const before = await deps.registry.read('dataset', id);
  if (before?.offerChangedAt === undefined) return 0;
  const { offerChangedAt, ...told } = before;
  let count = 0;
  let overtaken = false;
  const contracts = everyItem((page) => deps.registry.list('contractsOfDataset', { dataset: id }, page));
  for await (const listed of contracts) {
    if (isOver(listed.state)) continue;
    // The list may lag behind; the contract itself is what is judged.
    const contract = await deps.registry.read('contract', listed.id);
    if (!contract) continue;
    const now = deps.now();
    const item = announced(settled(contract, now), before, offerChangedAt, now);
    if (item.termsChange === contract.termsChange) continue;
    const changes: Change[] = [
      { do: 'replace', noun: 'contract', before: contract, item },
      ...contractNotices([item.provider, item.consumer], item, now, deps.random),
    ];
    if (await deps.registry.write(changes)) count += 1;
    else overtaken = true;
  }
  // Only once all contracts know; what changed meanwhile leaves the dataset on the list for the next time.
  if (!overtaken) await deps.registry.write([{ do: 'replace', noun: 'dataset', before, item: told }]);
  return count;
}
