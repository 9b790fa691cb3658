import { everyItem } from '../control.ts';
import type { Registry } from '../ports.ts';
import type { Explanation } from './explanation.ts';

/** How many refusals are looked through: the newest first. */
const LOOKED_THROUGH = 2000;

/** What the SDK door refused an event of this publisher for, where that is still known. */
export async function refusedPublication(
  registry: Pick<Registry, 'list'>,
  participant: string,
  eventId: string,
): Promise<Explanation | undefined> {
  let looked = 0;
  for await (const { eventId: of, problem } of everyItem((page) =>
    registry.list('publicationsOfParticipant', { participant }, page),
  )) {
    if (of === eventId) {
      return {
        outcome: 'rejected',
        decidedBy: { step: 'publish', state: problem.kind },
        detail: problem.detail,
        ...(problem.errors && { errors: problem.errors }),
      };
    }
    if ((looked += 1) >= LOOKED_THROUGH) return undefined;
  }
  return undefined;
}
