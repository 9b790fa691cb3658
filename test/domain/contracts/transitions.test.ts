import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settled } from '../../../domain/contracts/dates.ts';
import {
  after,
  awaitsDpo,
  type ContractAction,
  type Part,
  TRANSITIONS,
} from '../../../domain/contracts/transitions.ts';
import type { Contract } from '../../../schemas/contract.ts';
import { contractState } from '../../../schemas/contract.ts';
import { given } from '../../given.ts';

const ENDS = ['terminated', 'rejected', 'expired'];
const actions = [...new Set(TRANSITIONS.map(({ action }) => action))];
const parts: Part[] = ['provider', 'consumer', 'dpo', 'mesh'];
const at = new Date('2026-03-01T10:00:00Z');

const deeds = fc.array(fc.record({ action: fc.constantFrom(...actions), part: fc.constantFrom(...parts) }), {
  maxLength: 12,
});

/** Every state that a series of deeds leads through. */
function walk(contract: Contract, series: { action: ContractAction; part: Part }[]): Contract[] {
  const seen = [contract];
  for (const { action, part } of series) {
    const next = after(seen.at(-1) ?? contract, [part], { action, by: part, at });
    if (next) seen.push(next);
  }
  return seen;
}

describe('the transitions of a contract', () => {
  test('reach every state from requested', () => {
    const reached = new Set(['requested']);
    for (let grown = -1; grown < reached.size;) {
      grown = reached.size;
      for (const { from, to } of TRANSITIONS) if (reached.has(from)) reached.add(to);
      if (grown === reached.size) break;
    }
    expect([...reached].sort()).toEqual([...contractState.options].sort());
  });

  test('never leave an end, and enter active only through agreed', () => {
    fc.assert(
      fc.property(deeds, fc.constantFrom(...contractState.options), (series, state) => {
        const seen = walk(given.contract({ state }), series);
        for (const [index, { state: now }] of seen.entries()) {
          const before = seen[index - 1];
          if (before && ENDS.includes(before.state)) return false;
          if (before && now === 'active' && !['agreed', 'active', 'suspended'].includes(before.state))
            return false;
        }
        return true;
      }),
    );
  });

  test('each write history that joins up, count the revision, and know who suspended', () => {
    fc.assert(
      fc.property(deeds, (series) => {
        const seen = walk(given.contract({ state: 'requested' }), series);
        const last = seen.at(-1) as Contract;
        expect(last.revision).toBe(seen.length);
        expect(last.history).toHaveLength(seen.length);
        for (const [index, { from, to }] of last.history.entries()) {
          expect(to).toBe(seen[index]?.state);
          expect(from).toBe(seen[index - 1]?.state ?? null);
        }
        expect(last.suspendedBy !== undefined).toBe(last.state === 'suspended');
        expect(last.digest).toBe(seen[0]?.digest);
      }),
    );
  });

  test('either party can end whatever is not over', () => {
    for (const state of contractState.options) {
      for (const part of ['provider', 'consumer'] as const) {
        const next = after(given.contract({ state }), [part], { action: 'terminate', by: part, at });
        expect(next?.state).toBe(ENDS.includes(state) ? undefined : 'terminated');
      }
    }
  });
});

describe('what dates bring about', () => {
  test('an agreed contract starts on its day and not before', () => {
    const contract = given.contract({ state: 'agreed', from: '2026-03-02T00:00:00Z' });
    expect(settled(contract, new Date('2026-03-01T23:59:59Z'))).toBe(contract);
    expect(settled(contract, new Date('2026-03-02T00:00:00Z')).state).toBe('active');
  });

  test('a contract that awaits the DPO does not start', () => {
    const contract = given.contract({ state: 'agreed', approval: 'provider-and-dpo' });
    expect(awaitsDpo(contract)).toBe(true);
    expect(settled(contract, at)).toBe(contract);
    const approved = after(contract, ['dpo'], { action: 'accept', by: 'city', at }) as Contract;
    expect(awaitsDpo(approved)).toBe(false);
    expect(settled(approved, at).state).toBe('active');
  });

  test.each(['agreed', 'active', 'suspended'] as const)('one that is %s expires', (state) => {
    const contract = given.contract({ state, until: '2026-03-01T10:00:00Z' });
    expect(settled(contract, new Date('2026-03-01T09:59:59Z')).state).not.toBe('expired');
    expect(settled(contract, at).state).toBe('expired');
  });

  test.each(['requested', 'terminated', 'rejected', 'expired'] as const)('one that is %s stays', (state) => {
    const contract = given.contract({ state, until: '2026-03-01T10:00:00Z' });
    expect(settled(contract, at)).toBe(contract);
  });
});
