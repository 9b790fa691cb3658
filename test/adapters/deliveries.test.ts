import { describe, expect, test } from 'vitest';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { memoryDeliveries } from '../../adapters/memory/deliveries.ts';
import type { Deliveries } from '../../domain/ports.ts';
import { deliveriesConformance, deliveryOf } from './deliveries.conformance.ts';
import { engineClient, freshTable } from './engine.ts';

deliveriesConformance('memory', async (clock) => memoryDeliveries({ clock }));
deliveriesConformance('DynamoDB', async (clock) => {
  const { client } = engineClient();
  return dynamoDeliveries({ client, table: await freshTable(client, 'deliveries'), clock });
});

describe('DynamoDB: deliveries', () => {
  async function given(
    count: number,
  ): Promise<{ deliveries: Deliveries; callsOf: (work: () => Promise<unknown>) => Promise<number> }> {
    const { client, calls } = engineClient();
    const now = (): Date => new Date('2026-03-04T12:00:00.000Z');
    const deliveries = dynamoDeliveries({
      client,
      table: await freshTable(client, 'deliveries'),
      clock: now,
    });
    await deliveries.write(Array.from({ length: count }, (_, index) => deliveryOf(index)));
    const callsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = calls();
      await work();
      return calls() - before;
    };
    return { deliveries, callsOf };
  }

  test('need one call to write 25, and one to read 100', async () => {
    const { deliveries, callsOf } = await given(0);
    const written = Array.from({ length: 25 }, (_, index) => deliveryOf(index));
    expect(await callsOf(() => deliveries.write(written))).toBe(1);
    expect(
      await callsOf(() =>
        deliveries.read(Array.from({ length: 100 }, (_, index) => written[index]?.id ?? `dlv_${index}`)),
      ),
    ).toBe(1);
  });

  test.each([10, 1000])('need four calls, one to a lane, for a page of a list of %i', async (count) => {
    const { deliveries, callsOf } = await given(count);
    const { subscription } = deliveryOf(0);
    const { next } = await deliveries.list(subscription, {}, { limit: 5 });
    expect(await callsOf(() => deliveries.list(subscription, {}, { limit: 5 }))).toBe(4);
    expect(await callsOf(() => deliveries.list(subscription, {}, { limit: 5, cursor: next ?? '' }))).toBe(4);
  });
});
