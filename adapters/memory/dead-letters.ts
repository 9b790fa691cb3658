import type { DeadLetter, DeadLetters } from '../../domain/ports.ts';

/** Dead letters in memory: what lies there, and what a pass has looked at. */
export interface MemoryDeadLetters extends DeadLetters {
  readonly letters: Map<string, DeadLetter['copy']>;
  /** Lets what was looked at be handed out again. */
  visible(): void;
}

/** Dead letters in memory, ten at a time. */
export function memoryDeadLetters(): MemoryDeadLetters {
  const letters = new Map<string, DeadLetter['copy']>();
  const seen = new Set<string>();
  return {
    letters,
    visible: () => seen.clear(),
    async receive() {
      const some = [...letters].filter(([lease]) => !seen.has(lease)).slice(0, 10);
      for (const [lease] of some) seen.add(lease);
      return some.map(([lease, copy]) => ({ lease, copy }));
    },
    async remove(lease) {
      letters.delete(lease);
    },
  };
}
