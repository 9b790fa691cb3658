import type { DeadLetter, DeadLetters } from '../../domain/ports.ts';

/** Dead letters in memory, and what lies there. */
export interface MemoryDeadLetters extends DeadLetters {
  readonly letters: Map<string, DeadLetter['copy']>;
}

/** Dead letters in memory, ten at a time. */
export function memoryDeadLetters(): MemoryDeadLetters {
  const letters = new Map<string, DeadLetter['copy']>();
  const holding = new Set<string>();
  return {
    letters,
    async receive() {
      const some = [...letters].filter(([lease]) => !holding.has(lease)).slice(0, 10);
      for (const [lease] of some) holding.add(lease);
      return some.map(([lease, copy]) => ({ lease, copy }));
    },
    async remove(lease) {
      letters.delete(lease);
    },
    async leave(lease) {
      holding.delete(lease);
    },
    held: async () => [...holding].filter((lease) => letters.has(lease)).length,
  };
}
