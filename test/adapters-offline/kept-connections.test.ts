import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { onceMoreWhereClosed } from '../../adapters/kept-connections.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** A client of a service that does with each call as it is told. */
async function clientOf(does: ('answers' | 'closes' | 'closes late' | 'fails')[]) {
  const asked: string[] = [];
  server = createServer((request, response) => {
    const now = does[asked.length] ?? 'answers';
    asked.push(now);
    if (now.startsWith('closes'))
      return setTimeout(() => request.socket.destroy(), now === 'closes late' ? 1100 : 0);
    response.writeHead(now === 'fails' ? 503 : 200, { 'content-type': 'application/x-amz-json-1.0' });
    return response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const options = { endpoint, region: 'eu-west-3', credentials, retryStrategy: onceMoreWhereClosed };
  return { asked, call: () => new SQSClient(options).send(new ListQueuesCommand()) };
}

test('a call on a connection that was closed is made once more', async () => {
  const { asked, call } = await clientOf(['closes']);
  await call();
  expect(asked).toEqual(['closes', 'answers']);
});

test('and not a third time', async () => {
  const { asked, call } = await clientOf(['closes', 'closes']);
  await expect(call()).rejects.toThrow('hang up');
  expect(asked).toHaveLength(2);
});

test('nor late, when the contract may have ended', async () => {
  const { asked, call } = await clientOf(['closes late']);
  await expect(call()).rejects.toThrow('hang up');
  expect(asked).toHaveLength(1);
});

test('what was answered is not asked again, whatever the answer', async () => {
  const { asked, call } = await clientOf(['fails']);
  await expect(call()).rejects.toThrow();
  expect(asked).toEqual(['fails']);
});
