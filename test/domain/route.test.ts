import { beforeEach, describe, expect, test } from 'vitest';
import { memoryBus } from '../../adapters/memory/bus.ts';
import { route, routed } from '../../domain/route.ts';
import { given } from '../given.ts';
import { memoryRouteGaps } from './deliver/flow.ts';
import { type MemoryMesh, meshInMemory } from './mesh.ts';

let mesh: MemoryMesh;
let gaps: ReturnType<typeof memoryRouteGaps>;
let pauses: number[];
beforeEach(async () => {
  mesh = meshInMemory();
  gaps = memoryRouteGaps();
  pauses = [];
  const { id, contract, dataset, provider, consumer } = given.subscription();
  const pattern = JSON.stringify({ source: ['maille'] });
  const subscription = { id, contract, dataset, provider, consumer };
  for (const bus of ['one', 'two']) await mesh.rules.put({ name: id, bus, pattern, subscription });
});
const events = () => [given.entry(), given.entry(), given.entry()].map(routed);
const pause = async (tried: number): Promise<void> => void pauses.push(tried);
/** A bus that refuses an event so often; each key has its own count. */
const busRefusing = (times: (key: string, bus: string) => number) => {
  const refused = new Map<string, number>();
  const refuses = ({ key }: { key: string }, bus: string): boolean => {
    const count = refused.get(`${bus} ${key}`) ?? 0;
    refused.set(`${bus} ${key}`, count + 1);
    return count < times(key, bus);
  };
  return memoryBus({ buses: ['one', 'two'], rules: mesh.rules, queue: mesh.queue, refuses });
};
const queued = () => mesh.queue.take().map(({ event }) => event.key);

describe('route', () => {
  test('puts each event once on each bus', async () => {
    const all = events();
    expect(await route({ bus: busRefusing(() => 0), gaps, pause }, all)).toBe(0);
    const keys = all.map(({ key }) => key);
    expect(queued().sort()).toEqual([...keys, ...keys].sort());
    expect(pauses).toEqual([]);
  });

  test('asks again, after a pause, only for what was refused', async () => {
    const all = events();
    const [, bad] = all.map(({ key }) => key);
    const bus = busRefusing((key) => (key === bad ? 2 : 0));
    expect(await route({ bus, gaps, pause }, all)).toBe(0);
    expect(new Set(queued())).toEqual(new Set(all.map(({ key }) => key)));
    expect(pauses).toEqual([1, 2]);
    expect(gaps.waiting.size).toBe(0);
  });

  test('reports by key what one bus refuses for good, and lets the others through', async () => {
    const all = events();
    const [, bad] = all.map(({ key }) => key);
    const bus = busRefusing((key, name) => (key === bad && name === 'two' ? 99 : 0));
    expect(await route({ bus, gaps, pause }, all)).toBe(1);
    expect([...gaps.waiting.values()]).toEqual([{ keys: [bad] }]);
    expect(queued()).toEqual(expect.arrayContaining(all.map(({ key }) => key)));
  });

  test('throws only when not even the gap is kept, so that the stream gives all of it again', async () => {
    const report = () => Promise.reject(new Error('no queue'));
    await expect(route({ bus: busRefusing(() => 99), gaps: { report }, pause }, events())).rejects.toThrow(
      'no queue',
    );
  });

  test('does nothing with nothing', async () => {
    expect(await route({ bus: busRefusing(() => 99), gaps, pause }, [])).toBe(0);
    expect(gaps.waiting.size).toBe(0);
  });
});

test('what the bus carries is the event as stored, with what the ledger knows of it', () => {
  const entry = given.entry({ schemaVersion: 3 });
  const { key, sequence, dataset } = entry;
  expect(routed(entry)).toEqual({ key, sequence, dataset, schemaVersion: 3, event: JSON.parse(entry.body) });
});
