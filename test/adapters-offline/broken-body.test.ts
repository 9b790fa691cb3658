import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, it } from 'vitest';
import { leanPayloads, STRETCH_BYTES } from '../../adapters/s3/lean-payloads.ts';

const FILE = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
let server: Server;
afterEach(() => server.close());

/** A bucket with one file, which breaks off the first so many answers half-way through what is asked. */
async function bucketThatBreaks(times: number, file = FILE) {
  const asked: number[] = [];
  server = createServer((request, response) => {
    const [from = 0, to = 0] = (request.headers.range ?? '').match(/\d+/g)?.map(Number) ?? [];
    const rest = file.subarray(from, to + 1);
    asked.push(from);
    const headers = { 'content-length': rest.length, 'content-range': `bytes ${from}-${to}/${file.length}` };
    if (rest.length === 0) return response.writeHead(416).end();
    response.writeHead(206, headers);
    if (asked.length > times) return response.end(rest);
    response.write(rest.subarray(0, rest.length / 2), () => setTimeout(() => response.destroy(), 20));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ region: 'eu-west-3', credentials });
  return { asked, payloads: leanPayloads({ client, url: `http://127.0.0.1:${port}/payloads` }) };
}

async function readAll(file: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

it('a file that breaks off is read on from where it broke, each byte once', async () => {
  const { asked, payloads } = await bucketThatBreaks(2);
  expect((await readAll(await payloads.open('upload'))).equals(FILE)).toBe(true);
  expect(asked).toEqual([0, 150_000, 225_000]);
});

it('one that breaks off each time is an error in the end, and not a shorter file', async () => {
  const { asked, payloads } = await bucketThatBreaks(9);
  await expect(readAll(await payloads.open('upload', 100_000))).rejects.toThrow();
  expect(asked).toHaveLength(3);
});

it.each([0, 1])('a file of two stretches and %i bytes is asked for in stretches', async (more) => {
  const file = Buffer.alloc(2 * STRETCH_BYTES + more, 'maille');
  const { asked, payloads } = await bucketThatBreaks(0, file);
  expect((await readAll(await payloads.open('upload'))).equals(file)).toBe(true);
  expect(asked).toEqual([0, 1, 2].slice(0, 2 + more).map((count) => count * STRETCH_BYTES));
});

it('one that may not be read is an error at once, and not only when it is read', async () => {
  const { payloads } = await bucketThatBreaks(0);
  server.removeAllListeners('request').on('request', (_, response: ServerResponse) => {
    response.writeHead(403).end();
  });
  await expect(payloads.open('upload')).rejects.toThrow('403');
});

it('who stops reading early has asked for one stretch', async () => {
  const { asked, payloads } = await bucketThatBreaks(0, Buffer.alloc(3 * STRETCH_BYTES));
  for await (const chunk of (await payloads.open('upload')) ?? []) if (chunk.length > 0) break;
  expect(asked).toEqual([0]);
});

it('a file without a byte ends at once', async () => {
  const { payloads } = await bucketThatBreaks(0, Buffer.alloc(0));
  expect(await readAll(await payloads.open('upload'))).toEqual(Buffer.alloc(0));
});
