import { LambdaClient } from '@aws-sdk/client-lambda';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { handOverBy } from '../../adapters/lambda/hand-over.ts';
import { given } from '../given.ts';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

/** What answers for Lambda, as its API does; and what it was asked. */
async function lambda(status: number, headers: Record<string, string>, body: string) {
  const asked: { path: string; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString() });
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => void server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return { asked, client: new LambdaClient({ endpoint, region: 'eu-west-3', credentials, maxAttempts: 1 }) };
}

const handover = {
  destination: {
    kind: 'sqs',
    queueArn: 'arn:aws:sqs:eu-west-3:111111111111:theirs',
    concurrency: 10,
  } as const,
  parcels: [{ delivery: 'dlv_1', event: given.event() }],
  signing: { secrets: ['whsec_never-leaves'] },
  at: new Date('2026-03-01T10:00:00Z'),
};

test('is done by the function that is named, which gets no secret, and answers for each parcel', async () => {
  const answer = [{ answer: { kind: 'refused', error: 'AccessDenied: add this statement' }, bytes: 12 }];
  const { client, asked } = await lambda(200, {}, JSON.stringify(answer));
  expect(await handOverBy(client, 'maille-test-deliver')(handover)).toEqual(answer);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.path).toContain('/functions/maille-test-deliver/invocations');
  expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
    handOver: {
      destination: handover.destination,
      parcels: handover.parcels,
      at: '2026-03-01T10:00:00.000Z',
    },
  });
});

test.each([
  ['fails', 200, { 'x-amz-function-error': 'Unhandled' }, '{"errorType":"Error"}'],
  ['cannot be called', 429, {}, '{}'],
  ['says something else', 200, {}, '[{"answer":{"kind":"accepted"}}]'],
] as const)('is an answer that proves nothing where the function %s', async (_, status, headers, body) => {
  const { client } = await lambda(status, headers, body);
  expect(await handOverBy(client, 'maille-test-deliver')(handover)).toEqual([
    { answer: { kind: 'no-answer', error: expect.stringContaining('the mesh itself') }, bytes: 0 },
  ]);
});
