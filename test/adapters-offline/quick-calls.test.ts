import {
  ConditionalCheckFailedException,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { quickDynamoClient } from '../../adapters/dynamodb/client.ts';

/** One request that came: whose it was shows in its user agent, which only the SDK sends. */
interface Asked {
  target: string;
  bySdk: boolean;
  body: Record<string, unknown>;
}
type Answer = { status: number; body: string } | 'reset';

let asked: Asked[] = [];
let answers: Answer[] = [];
let server: Server;

const item = { Item: { id: { S: 'one' }, count: { N: '3' } } };
const fine = { status: 200, body: JSON.stringify(item) };
const refused = (name: string, more: object = {}): Answer => ({
  status: 400,
  body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'no', ...more }),
});
const get = new GetItemCommand({ TableName: 'table', Key: { id: { S: 'one' } } });
const put = () => new PutItemCommand({ TableName: 'table', Item: item.Item });
const transact = () =>
  new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName: 'table', Item: item.Item } }] });

beforeEach(async () => {
  asked = [];
  answers = [];
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { 'x-amz-target': target, 'user-agent': agent } = request.headers;
      const body = JSON.parse(Buffer.concat(parts).toString()) as Asked['body'];
      asked.push({ target: String(target), bySdk: agent !== undefined, body });
      const answer = answers.shift() ?? fine;
      if (answer === 'reset') return request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'eu-west-3');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A client that knows where its service is. */
async function settled() {
  const client = quickDynamoClient();
  await client.send(get);
  asked = [];
  return client;
}

describe('a quick client', () => {
  test('learns from the first call of the SDK where the service is, and asks the same there', async () => {
    const client = quickDynamoClient();
    const first = await client.send(get);
    const second = await client.send(get);
    expect(asked.map(({ bySdk }) => bySdk)).toEqual([true, false]);
    expect(asked[1]).toEqual({ ...asked[0], bySdk: false });
    expect(second.Item).toEqual(first.Item);
  });

  test('leaves to the SDK what it does not know', async () => {
    const client = await settled();
    await client.send(new ListTablesCommand({}));
    expect(asked.map(({ bySdk }) => bySdk)).toEqual([true]);
  });

  test('tells refusals as the SDK does, after one call', async () => {
    const client = await settled();
    answers = [refused('ConditionalCheckFailedException', { Item: item.Item })];
    const error: unknown = await client.send(put()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({ Item: item.Item, message: 'no', name: 'ConditionalCheckFailedException' });
    const reasons = [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: item.Item }];
    answers = [refused('TransactionCanceledException', { CancellationReasons: reasons })];
    const cancelled: unknown = await client.send(transact()).catch((thrown: unknown) => thrown);
    expect(cancelled).toBeInstanceOf(TransactionCanceledException);
    expect(cancelled).toMatchObject({ CancellationReasons: reasons });
    expect(asked).toHaveLength(2);
  });

  test.each([
    ['throttles', refused('ProvisionedThroughputExceededException')],
    ['has a fault', { status: 500, body: '{}' }],
    ['says nothing that can be read', { status: 200, body: 'gone' }],
    ['breaks the connection', 'reset'],
  ] as const)('lets the SDK try again when the service %s', async (_, answer) => {
    const client = await settled();
    answers = [answer];
    expect((await client.send(get)).Item).toEqual(item.Item);
    expect(asked.map(({ bySdk }) => bySdk)).toEqual([false, true]);
  });

  test('sends a transaction again under the token that it had', async () => {
    const client = await settled();
    answers = ['reset', { status: 500, body: '{}' }];
    await client.send(transact());
    const tokens = asked.map(({ body }) => body['ClientRequestToken']);
    expect(tokens).toHaveLength(3);
    expect(new Set(tokens).size).toBe(1);
    await client.send(transact());
    expect(asked.at(-1)?.body['ClientRequestToken']).not.toBe(tokens[0]);
  });
});
