import { type DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoRegistry } from '../../adapters/dynamodb/registry.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { deliveryOf } from './deliveries.conformance.ts';
import { engineClient, freshTable } from './engine.ts';
import { entryOf } from './ledger.conformance.ts';
import { participant } from './registry-things.ts';

const NOW = new Date('2026-03-04T12:00:00.000Z');
const entries = (count: number): ReturnType<typeof entryOf>[] =>
  Array.from({ length: count }, (_, index) => entryOf(`event ${index}`));

/** Lets `trouble` answer or throw in place of the store; undefined lets the call through. */
function troubled(
  client: DynamoDBClient,
  trouble: (command: string, input: object) => object | undefined,
): DynamoDBClient {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const output = trouble(String(context['commandName']), args.input);
      // Safe: the tests give what the command at hand answers.
      return output === undefined ? next(args) : { output: output as never, response: {} };
    },
    { step: 'initialize', name: 'trouble' },
  );
  return client;
}

function cancelled(...codes: string[]): never {
  throw new TransactionCanceledException({
    message: 'cancelled',
    $metadata: {},
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
}
function failing(name: string): never {
  throw Object.assign(new Error(name), { name });
}

describe('DynamoDB in trouble', () => {
  test.each(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])(
    'an append goes again after %s',
    async (code) => {
      let times = 0;
      const client = troubled(engineClient().client, (command) =>
        command === 'TransactWriteItemsCommand' && times++ < 2 ? cancelled('None', code) : undefined,
      );
      const ledger = dynamoLedger({ client, table: await freshTable(client, 'ledger') });
      expect(await ledger.append(entries(2))).toEqual(['accepted', 'accepted']);
    },
  );

  test('an append that never gets through has failed, and harms no other transaction', async () => {
    const client = troubled(engineClient().client, (command, input) =>
      command === 'TransactWriteItemsCommand' && JSON.stringify(input).includes('event 150')
        ? cancelled('ThrottlingError')
        : undefined,
    );
    const ledger = dynamoLedger({ client, table: await freshTable(client, 'ledger') });
    const results = await ledger.append(entries(250));
    expect(results).toEqual(results.map((_, index) => (index >= 100 && index < 200 ? 'failed' : 'accepted')));
  });

  test.each(['ThrottlingException', 'InternalServerError', 'TimeoutError'])(
    'a single append that meets %s only has failed',
    async (name) => {
      const client = troubled(engineClient().client, (command) =>
        command === 'PutItemCommand' ? failing(name) : undefined,
      );
      expect(await dynamoLedger({ client, table: 'none' }).append(entries(1))).toEqual(['failed']);
    },
  );

  test('an append that may not write throws: sending it again would not help', async () => {
    const client = troubled(engineClient().client, () => failing('AccessDeniedException'));
    await expect(dynamoLedger({ client, table: 'none' }).append(entries(2))).rejects.toThrow('AccessDenied');
    const refused = troubled(engineClient().client, () => cancelled('None', 'ValidationError'));
    await expect(dynamoLedger({ client: refused, table: 'none' }).append(entries(2))).rejects.toThrow(
      'cancelled',
    );
  });

  test('reads ask again for keys that were not looked at', async () => {
    let times = 0;
    const client = troubled(engineClient().client, (command, input) =>
      command === 'BatchGetItemCommand' && times++ === 0
        ? { Responses: {}, UnprocessedKeys: (input as { RequestItems: object }).RequestItems }
        : undefined,
    );
    const ledger = dynamoLedger({ client, table: await freshTable(client, 'ledger') });
    const [entry] = entries(1);
    if (entry) await ledger.append([entry]);
    expect(await ledger.read([entry?.key ?? ''], NOW)).toEqual([entry]);
  });

  test('a read that is never answered in full throws, and never answers in part', async () => {
    const client = troubled(engineClient().client, (command, input) =>
      command === 'BatchGetItemCommand'
        ? { Responses: {}, UnprocessedKeys: (input as { RequestItems: object }).RequestItems }
        : undefined,
    );
    await expect(dynamoLedger({ client, table: 'none' }).read(['one'], NOW)).rejects.toThrow(ProblemError);
  });

  test('writes of deliveries go again until all are written, and throw when they never are', async () => {
    let times = 0;
    const unprocessed = (most: number) => (command: string, input: object) =>
      command === 'BatchWriteItemCommand' && times++ < most
        ? { UnprocessedItems: (input as { RequestItems: object }).RequestItems }
        : undefined;
    const client = troubled(engineClient().client, unprocessed(2));
    const deliveries = dynamoDeliveries({
      client,
      table: await freshTable(client, 'deliveries'),
      clock: () => NOW,
    });
    await deliveries.write([deliveryOf(1)]);
    expect(await deliveries.read([deliveryOf(1).id, 'none'])).toHaveLength(2);
    expect(times).toBe(3);
    const never = troubled(engineClient().client, unprocessed(Infinity));
    await expect(dynamoDeliveries({ client: never, table: 'none' }).write([deliveryOf(2)])).rejects.toThrow(
      ProblemError,
    );
  });

  test('what an index that lags behind still calls due is not, once the delivery says otherwise', async () => {
    const [released, moved, due] = [1, 2, 3].map((order) => deliveryOf(order));
    if (!released || !moved || !due) throw new Error('three were made');
    moved.dueAt = '2026-03-04T13:00:00.000Z';
    due.dueAt = '2026-03-04T11:00:00.000Z';
    let times = 0;
    const client = troubled(engineClient().client, (command) => {
      if (command !== 'QueryCommand') return undefined;
      return { Items: times++ > 0 ? [] : [released, moved, due].map(({ id }) => ({ id: { S: id } })) };
    });
    const deliveries = dynamoDeliveries({
      client,
      table: await freshTable(client, 'deliveries'),
      clock: () => NOW,
    });
    await deliveries.write([released, moved, due]);
    const pages: unknown[] = [];
    for await (const page of deliveries.due(NOW)) pages.push(page);
    expect(pages).toEqual([[due]]);
  });

  test('a change of the registry that met a conflict goes again, and is not taken for a condition that failed', async () => {
    let times = 0;
    const client = troubled(engineClient().client, (command) =>
      command === 'TransactWriteItemsCommand' && times++ < 2 ? cancelled('TransactionConflict') : undefined,
    );
    const registry = dynamoRegistry({ client, table: await freshTable(client, 'registry') });
    const change = { do: 'create', noun: 'participant', item: participant('atmo') } as const;
    expect(await registry.write([change])).toBe(true);
    times = -Infinity;
    await expect(registry.write([change])).rejects.toThrow(ProblemError);
  });
});
