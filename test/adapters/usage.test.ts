import { describe, expect, test } from 'vitest';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoQuotas } from '../../adapters/dynamodb/quotas.ts';
import { dynamoUsage } from '../../adapters/dynamodb/usage.ts';
import { memoryDeliveries } from '../../adapters/memory/deliveries.ts';
import { memoryQuotas } from '../../adapters/memory/quotas.ts';
import { memoryUsage } from '../../adapters/memory/usage.ts';
import { deliveryOf } from './deliveries.conformance.ts';
import { engineClient, freshTable } from './engine.ts';
import { quotasConformance } from './quotas.conformance.ts';
import { usageConformance } from './usage.conformance.ts';

usageConformance('memory', async (clock) => {
  const usage = memoryUsage();
  return { usage, deliveries: memoryDeliveries({ clock, usage }) };
});
usageConformance('DynamoDB', async (clock) => {
  const { client } = engineClient();
  const table = await freshTable(client, 'deliveries');
  return { usage: dynamoUsage({ client, table }), deliveries: dynamoDeliveries({ client, table, clock }) };
});

quotasConformance('memory', async () => memoryQuotas());
quotasConformance('DynamoDB', async () => {
  const { client } = engineClient();
  return dynamoQuotas({ client, table: await freshTable(client, 'deliveries') });
});

describe('DynamoDB: what counting costs', () => {
  test('tallies cost no call of their own, a quota one for a batch', async () => {
    const { client, calls } = engineClient();
    const table = await freshTable(client, 'deliveries');
    const deliveries = dynamoDeliveries({ client, table });
    const quotas = dynamoQuotas({ client, table });
    const period = { contract: 'ctr_1', period: '2026-03', limit: 3000, ends: new Date('2099-01-01') };
    await quotas.take(period, 1);
    const before = calls();
    expect(await quotas.take(period, 10)).toBe(10);
    expect(calls() - before).toBe(1);
    const tallies = Array.from({ length: 10 }, (_, index) => ({
      id: `tly_${String(index).padStart(43, '0')}`,
      contract: `ctr_${index}`,
      day: '2026-03-04',
      events: 1,
      bytes: 1,
      charge: 0,
      at: 0,
    }));
    await deliveries.write(
      Array.from({ length: 10 }, (_, index) => deliveryOf(index)),
      tallies,
    );
    expect(calls() - before).toBe(2);
  });
});
