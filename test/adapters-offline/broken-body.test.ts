import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, it } from 'vitest';
import { leanPayloads } from '../../adapters/s3/lean-payloads.ts';

const FILE = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
let server: Server;
afterEach(() => server.close());

/** A bucket that breaks off the first so many answers half-way through what is asked. */
async function bucketThatBreaks(times: number) {
  const asked: (string | undefined)[] = [];
  server = createServer((request, response) => {
    const { range } = request.headers;
    const rest = FILE.subarray(Number(/\d+/.exec(range ?? '')?.[0] ?? 0));
    asked.push(range);
    response.writeHead(range === undefined ? 200 : 206, { 'content-length': rest.length });
    if (asked.length > times) response.end(rest);
    else response.write(rest.subarray(0, rest.length / 2), () => setTimeout(() => response.destroy(), 20));
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
  expect(asked).toEqual([undefined, 'bytes=150000-', 'bytes=225000-']);
});

it('one that breaks off each time is an error in the end, and not a shorter file', async () => {
  const { asked, payloads } = await bucketThatBreaks(9);
  await expect(readAll(await payloads.open('upload', 100_000))).rejects.toThrow();
  expect(asked).toHaveLength(3);
});
