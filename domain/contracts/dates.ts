import type { Contract } from '../../schemas/contract.ts';
import { reminderAt } from './due.ts';
import { contractDigest } from './terms.ts';
import { after, awaitsDpo } from './transitions.ts';

/** Who a transition of the mesh itself is by, in a contract's history. */
export const MESH = 'mesh';

/** The contract after what its dates bring about at `now`; the same one where they bring nothing. */
export function settled(contract: Contract, now: Date): Contract {
  const bound = boundBy(contract, now);
  const parts = ['mesh'] as const;
  if (bound.until !== undefined && Date.parse(bound.until) <= now.getTime()) {
    return after(bound, parts, { action: 'expire', by: MESH, at: now }) ?? bound;
  }
  if (awaitsDpo(bound) || Date.parse(bound.from) > now.getTime()) return bound;
  return after(bound, parts, { action: 'start', by: MESH, at: now }) ?? bound;
}

function boundBy(contract: Contract, now: Date): Contract {
  const { termsChange } = contract;
  if (!termsChange || Date.parse(termsChange.from) > now.getTime()) return contract;
  const reason = "the dataset's changed offer, after its notice";
  const bound = after(contract, ['mesh'], { action: 'bind', by: MESH, at: now, reason });
  if (!bound) return contract;
  // A revision that waits was told on the terms before: its digest stands for them no more.
  const { termsChange: _, proposed: __, ...rest } = bound;
  const changed = { ...rest, terms: termsChange.terms, datasetRevision: termsChange.datasetRevision };
  return { ...changed, digest: contractDigest(changed) };
}

/** The contract with its new end: what had no time to be told before it is not told. */
export function endingAt(contract: Contract, until: string | undefined, now: Date): Contract {
  const { until: _, reminded: __, ...rest } = contract;
  const reminded = reminderAt(until, now);
  return { ...rest, ...(until !== undefined && { until }), ...(reminded !== undefined && { reminded }) };
}
