import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Row } from '../adapters/dynamodb/batch.ts';
import { registryRows, SEALING_KEY } from './given.ts';

/**
 * A process of its own that answers the AWS calls of the hot functions from memory, as little as their clients need,
 * and counts them. The registry's rows are there; what is written is forgotten. `GET /calls` tells and resets the
 * counts. It tells its address to the process that forked it.
 */
const [, , webhook = ''] = process.argv;
const rows = await registryRows(webhook);
const rowOf = new Map(rows.map((row) => [placeOf(row), row]));
let calls: Record<string, number> = {};

/** The requests, as far as they are read. */
interface Asked {
  RequestItems?: Record<string, { Keys: Row[] }>;
  Key?: Row;
  ExpressionAttributeValues?: Row;
  Entries?: { Id: string }[];
}

const ANSWERS: Record<string, (asked: Asked) => unknown> = {
  BatchGetItem: ({ RequestItems = {} }) => ({
    Responses: Object.fromEntries(
      Object.entries(RequestItems).map(([table, { Keys }]) => [
        table,
        Keys.map((key) => rowOf.get(placeOf(key))).filter((row) => row !== undefined),
      ]),
    ),
    UnprocessedKeys: {},
  }),
  GetItem: ({ Key = {} }) => ({ Item: rowOf.get(placeOf(Key)) }),
  Query: ({ ExpressionAttributeValues: values = {} }) => {
    const [partition] = Object.values(values);
    const Items = rows.filter(({ pk }) => pk?.S === partition?.S);
    return { Items, Count: Items.length };
  },
  PutEvents: ({ Entries = [] }) => ({
    FailedEntryCount: 0,
    Entries: Entries.map((_, at) => ({ EventId: `${at}` })),
  }),
  SendMessageBatch: ({ Entries = [] }) => ({
    Successful: Entries.map(({ Id }) => ({ Id, MessageId: Id, MD5OfMessageBody: '' })),
    Failed: [],
  }),
  GetParameter: () => ({ Parameter: { Value: SEALING_KEY.toString('base64') } }),
};
/** Answered without being read: they only write. */
const WRITES: Record<string, string> = {
  TransactWriteItems: '{}',
  PutItem: '{}',
  BatchWriteItem: '{"UnprocessedItems":{}}',
  SendMessage: '{"MessageId":"1","MD5OfMessageBody":""}',
};

function placeOf({ pk, sk }: Row): string {
  return `${pk?.S} ${sk?.S}`;
}

function answerTo(operation: string, body: () => Asked): string | undefined {
  calls[operation] = (calls[operation] ?? 0) + 1;
  const write = WRITES[operation];
  if (write !== undefined) return write;
  const answer = ANSWERS[operation];
  return answer && JSON.stringify(answer(body()));
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/calls') {
      response.end(JSON.stringify(calls));
      calls = {};
      return;
    }
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    // Safe: only the hot functions and their floors ask here.
    const answer = answerTo(operation, () => JSON.parse(Buffer.concat(chunks).toString()) as Asked);
    if (answer === undefined)
      console.error(`the stub does not know ${request.method} ${request.url} ${operation}`);
    response.writeHead(answer === undefined ? 501 : 200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(answer);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.on('disconnect', () => process.exit());
