import type { Rule, Rules } from '../../domain/ports.ts';

/** Rules in memory, which a bus in memory matches by. */
export interface MemoryRules extends Rules {
  on(bus: string): Rule[];
}

/** The rules of subscriptions in memory. */
export function memoryRules(): MemoryRules {
  const rules = new Map<string, Rule>();
  const key = (bus: string, name: string): string => `${bus}/${name}`;
  return {
    async put(rule) {
      JSON.parse(rule.pattern);
      rules.set(key(rule.bus, rule.name), structuredClone(rule));
    },
    async remove(bus, name) {
      rules.delete(key(bus, name));
    },
    async list() {
      return [...rules.values()].map(({ bus, name, pattern }) => ({ bus, name, pattern }));
    },
    on: (bus) => [...rules.values()].filter((rule) => rule.bus === bus),
  };
}
