import { Readable } from 'node:stream';
import type { Payloads } from '../../domain/ports.ts';
import { dayOfPayload } from '../payload-day.ts';

/** Large data in memory. */
export interface MemoryPayloads extends Payloads {
  readonly kept: Map<string, Buffer>;
}

/** Large data in memory; its links lead nowhere. */
export function memoryPayloads(): MemoryPayloads {
  const kept = new Map<string, Buffer>();
  return {
    kept,
    put: async ({ name, body }) => void kept.set(name, Buffer.from(body)),
    read: async (name) => kept.get(name),
    async open(name) {
      const body = kept.get(name);
      return body && Readable.from([body.subarray(0, body.length >> 1), body.subarray(body.length >> 1)]);
    },
    linkToPut: async (name, { contentType }, seconds) => ({
      url: `https://payloads.example.org/${name}?seconds=${seconds}`,
      headers: { 'content-type': contentType },
    }),
    link: async (name, seconds) => `https://payloads.example.org/${name}?seconds=${seconds}`,
    days: async () => [...new Set([...kept.keys()].map(dayOfPayload))].sort(),
    async removeDay(day) {
      const names = [...kept.keys()].filter((name) => dayOfPayload(name) === day);
      for (const name of names) kept.delete(name);
      return names.length;
    },
    names: async (day, beginning) =>
      [...kept.keys()].filter((name) => name.startsWith(`until/${day}/${beginning}`)).sort(),
    remove: async (name) => void kept.delete(name),
  };
}
