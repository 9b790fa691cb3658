import type { Contract } from '../../schemas/contract.ts';
import { type ControlDeps, everyItem } from '../control.ts';
import { contractNotices } from '../notices.ts';
import { settled } from './dates.ts';

/** Brings contracts to where their dates have led: started or expired. Answers how many moved. */
export async function settleContracts(deps: ControlDeps): Promise<number> {
  let moved = 0;
  for await (const { id } of everyItem((page) => deps.registry.list('datasets', {}, page))) {
    const contracts = everyItem((page) => deps.registry.list('contractsOfDataset', { dataset: id }, page));
    for await (const contract of contracts) if (await settleContract(deps, contract)) moved += 1;
  }
  return moved;
}

/** Keeps what a contract's dates brought about, and tells both parties; false when there was nothing, or it moved. */
export async function settleContract(deps: ControlDeps, before: Contract): Promise<boolean> {
  const now = deps.now();
  const item = settled(before, now);
  if (item === before) return false;
  return deps.registry.write([
    { do: 'replace', noun: 'contract', before, item },
    ...contractNotices([item.provider, item.consumer], item, now, deps.random),
  ]);
}
