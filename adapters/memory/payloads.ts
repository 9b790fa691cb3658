import { Readable } from 'node:stream';
import type { Payloads } from '../../domain/ports.ts';
import { dayOfPayload } from '../../domain/payloads/day.ts';

/** Large data in memory. */
export interface MemoryPayloads extends Payloads {
  readonly kept: Map<string, Buffer>;
  /** The parts that were put of files which are not whole yet, by what they are called together. */
  readonly parts: Map<string, Map<number, Buffer>>;
}

/** Large data in memory; its links lead nowhere. */
export function memoryPayloads(): MemoryPayloads {
  const kept = new Map<string, Buffer>();
  const parts = new Map<string, Map<number, Buffer>>();
  return {
    kept,
    parts,
    put: async ({ name, body }) => void kept.set(name, Buffer.from(body)),
    read: async (name) => kept.get(name),
    async open(name, from = 0) {
      const body = kept.get(name)?.subarray(from);
      return body && Readable.from([body.subarray(0, body.length >> 1), body.subarray(body.length >> 1)]);
    },
    linkToPut: async (name, { contentType }, seconds) => ({
      url: `https://payloads.example.org/${name}?seconds=${seconds}`,
      headers: { 'content-type': contentType },
    }),
    async beginParts(name) {
      const id = `${name}#${parts.size}`;
      parts.set(id, new Map());
      return id;
    },
    linkToPart: async (name, id, { number, bytes }, seconds) => ({
      url: `https://payloads.example.org/${name}?uploadId=${encodeURIComponent(id)}&partNumber=${number}&seconds=${seconds}`,
      headers: { 'content-length': String(bytes) },
    }),
    async joinParts(name, id, count, of) {
      const there = parts.get(id);
      const numbers = of?.map(({ part }) => part) ?? [...(there?.keys() ?? [])].sort((a, b) => a - b);
      const bodies = numbers.flatMap((number) => there?.get(number) ?? []);
      if (bodies.length !== count || numbers.length !== count) return false;
      kept.set(name, Buffer.concat(bodies));
      return parts.delete(id);
    },
    dropParts: async (_, id) => void parts.delete(id),
    async copy(from, { name }) {
      const body = kept.get(from);
      if (body) kept.set(name, body);
      return body !== undefined;
    },
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
