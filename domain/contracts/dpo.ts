import type { Contract } from '../../schemas/contract.ts';
import { type ControlDeps, everyItem } from '../control.ts';
import { isExpired } from '../identify.ts';
import { contractNotices } from '../notices.ts';
import type { Change, Registry } from '../ports.ts';
import { turnOf } from './transitions.ts';

/** Tells the DPO that a contract has come to wait for them, or its revision; nothing where it waited before. */
export async function dpoNotices(
  { registry, random }: Pick<ControlDeps, 'registry' | 'random'>,
  before: Contract | undefined,
  contract: Contract,
  now: Date,
): Promise<Change[]> {
  if (turnOf(contract) !== 'dpo' || (before && turnOf(before) === 'dpo')) return [];
  return contractNotices(await dposOf(registry, now), contract, now, random, 'awaits-dpo');
}

/** The participants that act as DPO: a key of theirs has the role. */
async function dposOf(registry: Pick<Registry, 'list'>, now: Date): Promise<string[]> {
  const participants: string[] = [];
  for await (const key of everyItem((page) => registry.list('keysOfDpos', {}, page)))
    if (!isExpired(key, now)) participants.push(key.participant);
  return participants;
}
