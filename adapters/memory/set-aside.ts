import type { Clock, SetAside, SetAsideLetter, SetAsideQueue } from '../../domain/ports.ts';

/** The dead-letter queues in memory; `letters` is what lies there. */
export interface MemorySetAside extends SetAside {
  readonly letters: { queue: SetAsideQueue; lease: string; letter: SetAsideLetter; since: Date }[];
  put(queue: SetAsideQueue, letter: SetAsideLetter): void;
  /** Lets what was taken be handed out again. */
  visible(): void;
}

/** The dead-letter queues in memory, ten at a time. */
export function memorySetAside({ clock = () => new Date() }: { clock?: Clock } = {}): MemorySetAside {
  const letters: MemorySetAside['letters'] = [];
  const taken = new Set<string>();
  let leases = 0;
  return {
    letters,
    put: (queue, letter) =>
      void letters.push({ queue, letter, lease: `lease-${(leases += 1)}`, since: clock() }),
    visible: () => taken.clear(),
    count: async (queue) => letters.filter((one) => one.queue === queue).length,
    async take(queue) {
      const some = letters.filter((one) => one.queue === queue && !taken.has(one.lease)).slice(0, 10);
      for (const { lease } of some) taken.add(lease);
      return structuredClone(some.map(({ lease, letter, since }) => ({ lease, letter, since })));
    },
    async remove(queue, lease) {
      const at = letters.findIndex((one) => one.queue === queue && one.lease === lease);
      if (at >= 0) letters.splice(at, 1);
    },
    leave: async (_, lease) => void taken.delete(lease),
  };
}
