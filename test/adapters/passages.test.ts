import { beforeEach, describe, expect, it } from 'vitest';
import { dynamoPassages } from '../../adapters/dynamodb/passages.ts';
import { memoryPassages } from '../../adapters/memory/passages.ts';
import type { Passages } from '../../domain/ports.ts';
import { engineClient, freshTable } from './engine.ts';
import { uniqueName } from './given-engine.ts';

const passage = { minute: 29_000_000, taken: 3, ahead: 7, open: { 'one 0.5': { most: 2, until: 5 } } };

describe.each<[string, () => Promise<Passages>]>([
  ['memory', async () => memoryPassages()],
  [
    'DynamoDB',
    async () => {
      const { client } = engineClient();
      return dynamoPassages({ client, table: await freshTable(client, 'deliveries') });
    },
  ],
])('passages in %s', (_, made) => {
  let passages: Passages;
  let of: string;
  beforeEach(async () => {
    passages = await made();
    of = uniqueName('sub');
  });

  it('are read as they were written, each receiver by itself', async () => {
    expect(await passages.read(of)).toBeUndefined();
    expect(await passages.replace(of, undefined, passage)).toBe(true);
    expect(await passages.read(of)).toEqual(passage);
    expect(await passages.read(`${of}2`)).toBeUndefined();
  });

  it('are replaced by one of many at once', async () => {
    const write = (taken: number) => passages.replace(of, undefined, { ...passage, taken });
    const begun = await Promise.all([1, 2, 3, 4].map(write));
    expect(begun.filter(Boolean)).toHaveLength(1);
    const before = await passages.read(of);
    const changed = await Promise.all(
      [5, 6, 7].map((taken) => passages.replace(of, before, { ...passage, taken })),
    );
    expect(changed.filter(Boolean)).toHaveLength(1);
    expect(await passages.replace(of, before, passage)).toBe(false);
  });
});
