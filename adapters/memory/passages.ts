import type { Passage, Passages } from '../../domain/ports.ts';

/** The counts of requests in memory. */
export function memoryPassages(): Passages {
  const kept = new Map<string, Passage>();
  return {
    read: async (subscription) => structuredClone(kept.get(subscription)),
    async replace(subscription, before, after) {
      if (JSON.stringify(kept.get(subscription)) !== JSON.stringify(before)) return false;
      kept.set(subscription, structuredClone(after));
      return true;
    },
  };
}
