import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { transactionsOf } from '../../adapters/dynamodb/append.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { rowOfEntry } from '../../adapters/dynamodb/ledger-row.ts';
import { memoryLedger } from '../../adapters/memory/ledger.ts';
import { engineClient, freshTable } from './engine.ts';
import { entryOf, ledgerConformance } from './ledger.conformance.ts';

ledgerConformance('memory', async (clock) => memoryLedger({ clock }));
ledgerConformance('DynamoDB', async (clock) => {
  const { client } = engineClient();
  return dynamoLedger({ client, table: await freshTable(client, 'ledger'), clock });
});

describe('DynamoDB: transactions', () => {
  const entries = (count: number, bytes: number): ReturnType<typeof entryOf>[] =>
    Array.from({ length: count }, (_, index) => entryOf(`event ${index}`, { body: 'x'.repeat(bytes) }));

  test('hold at most 100 entries', () => {
    expect(transactionsOf(entries(250, 10)).map(({ length }) => length)).toEqual([100, 100, 50]);
  });

  test.each(['x', '"', 'é', '漢', '\u{1F30D}'])(
    'hold at most 4 MB however it is counted, of %s',
    (character) => {
      const made = entries(60, 0).map((entry) => ({ ...entry, body: character.repeat(60_000) }));
      const transactions = transactionsOf(made);
      expect(transactions.length).toBeGreaterThan(1);
      for (const transaction of transactions) {
        const text = JSON.stringify(transaction.map(({ entry }) => ({ Put: { Item: rowOfEntry(entry) } })));
        const ascii = text.replaceAll(/[^\x20-\x7e]/g, '\\uffff');
        expect(ascii.length).toBeLessThan(4 * 1024 * 1024);
      }
    },
  );

  test('refuse an entry that no table takes, before anything is written', async () => {
    const { client, calls } = engineClient();
    const ledger = dynamoLedger({ client, table: 'none' });
    await expect(ledger.append([entryOf('small'), ...entries(1, 410_000)])).rejects.toThrow(RangeError);
    expect(calls()).toBe(0);
  });

  test('need one call for 100 new entries, two when some were there, one for a single entry', async () => {
    const { client, calls } = engineClient();
    const ledger = dynamoLedger({
      client,
      table: await freshTable(client, 'ledger'),
      clock: () => new Date('2026-03-04T12:00:00Z'),
    });
    const callsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = calls();
      await work();
      return calls() - before;
    };
    expect(await callsOf(() => ledger.append(entries(100, 10)))).toBe(1);
    expect(
      await callsOf(() =>
        ledger.append([
          ...entries(50, 10),
          ...entries(100, 10)
            .map((entry) => ({ ...entry, key: `new ${entry.key}` }))
            .slice(0, 50),
        ]),
      ),
    ).toBe(2);
    expect(await callsOf(() => ledger.append([entryOf('single')]))).toBe(1);
  });

  test('spread a dataset-day over shards and note its day', async () => {
    const { client } = engineClient();
    const table = await freshTable(client, 'ledger');
    const added = entries(40, 10);
    await dynamoLedger({ client, table }).append(added);
    const buckets = await Promise.all(
      added.map(async ({ key }) => {
        const { Item } = await client.send(
          new GetItemCommand({ TableName: table, Key: { key: { S: key } } }),
        );
        return Item?.['bucket']?.S;
      }),
    );
    expect(new Set(buckets)).toEqual(new Set([0, 1, 2, 3].map((shard) => `school-air#2026-03-04#${shard}`)));
  });
});
