import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { dynamoClient } from '../../adapters/dynamodb/client.ts';
import { dynamoRecords } from '../../adapters/dynamodb/records.ts';
import { dynamoRegistry } from '../../adapters/dynamodb/registry.ts';
import { memoryRegistry } from '../../adapters/memory/registry.ts';
import type { Change, Registry } from '../../domain/ports.ts';
import { engineClient, freshTable } from './engine.ts';
import { registryConformance } from './registry.conformance.ts';
import { contract, dataset, participant } from './registry-things.ts';

registryConformance('memory', async (clock) => memoryRegistry({ clock }));
registryConformance('DynamoDB', async (clock) => {
  const { client } = engineClient(dynamoClient);
  return dynamoRegistry({ client, table: await freshTable(client, 'registry'), clock });
});
registryConformance('DynamoDB, as the flow reads and writes it', async (clock) => {
  const { client } = engineClient(dynamoClient);
  const at = { table: await freshTable(client, 'registry'), clock };
  return { ...dynamoRegistry({ client, ...at }), ...dynamoRecords({ client: engineClient().client, ...at }) };
});

describe('DynamoDB: the registry', () => {
  async function given(contracts: number): Promise<{
    registry: Registry;
    client: DynamoDBClient;
    callsOf: (work: () => Promise<unknown>) => Promise<number>;
  }> {
    const { client, calls } = engineClient(dynamoClient);
    const registry = dynamoRegistry({ client, table: await freshTable(client, 'registry') });
    for (let made = 0; made < contracts; made += 100) {
      const changes = Array.from({ length: Math.min(100, contracts - made) }, (_, index): Change => ({
        do: 'create',
        noun: 'contract',
        item: contract(made + index),
      }));
      await registry.write(changes);
    }
    const callsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = calls();
      await work();
      return calls() - before;
    };
    return { registry, client, callsOf };
  }

  test.each([10, 1000])('needs one call for a page of a list of %i', async (length) => {
    const { registry, callsOf } = await given(length);
    const page = (cursor?: string) =>
      registry.list(
        'contractsOfProvider',
        { provider: 'atmo' },
        { limit: 5, ...(cursor !== undefined && { cursor }) },
      );
    const { next } = await page();
    expect(await callsOf(() => page())).toBe(1);
    expect(await callsOf(() => page(next ?? ''))).toBe(1);
  });

  test('needs one call to read a hundred things, to write a hundred, and to tell what is publishable', async () => {
    const { registry, callsOf } = await given(0);
    const items = Array.from({ length: 98 }, (_, index) => participant(`city-${index}`));
    const changes = [
      ...items.map((item): Change => ({ do: 'create', noun: 'participant', item })),
      { do: 'create', noun: 'dataset', item: dataset('air') } as const,
    ];
    expect(await callsOf(() => registry.write(changes))).toBe(1);
    expect(
      await callsOf(() => registry.readAll(items.map(({ id }) => ({ noun: 'participant', id }) as const))),
    ).toBe(1);
    expect(await callsOf(() => registry.publishable('atmo'))).toBe(1);
  });

  test('goes on after a page that ends early because its rows are large', async () => {
    const { registry } = await given(0);
    const text = 'x'.repeat(300_000);
    for (let order = 0; order < 5; order++)
      await registry.write([{ do: 'create', noun: 'contract', item: contract(order, { purpose: text }) }]);
    const ids: string[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await registry.list(
        'contractsOfProvider',
        { provider: 'atmo' },
        { limit: 50, ...(cursor !== undefined && { cursor }) },
      );
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    }
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(5);
  });
});
