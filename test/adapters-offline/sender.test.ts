import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import type { lookup } from 'node:dns';
import { afterEach, describe, expect, it } from 'vitest';
import { publicLookup } from '../../adapters/http/public-lookup.ts';
import { CONNECT_MS, webhookSender } from '../../adapters/http/sender.ts';
import { PREPARED_WITHIN_MS } from '../../domain/deliver/together.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { MOST_VERDICT_AGE } from '../../schemas/territory.ts';

const open: (Server | TcpServer)[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server | TcpServer): Promise<string> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Safe: it listens on a port, not on a pipe.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?x=1`;
}
const receiver = (listener: RequestListener) => listening(createServer(listener));

const send = webhookSender({ privateAddresses: true, ports: [443] });
const request = {
  headers: { 'content-type': 'application/json', 'webhook-id': 'dlv_1' },
  body: '{"é":1}',
  timeoutMs: 3000,
};

/** A resolver that leads every name to the given addresses. */
const resolver = (...addresses: string[]): typeof lookup =>
  // Safe: the sender asks for all addresses with a callback, and reads nothing else of it.
  ((_name: string, _options: object, done: (error: null, all: object[]) => void) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as unknown as typeof lookup;

describe('a request to a webhook', () => {
  it('is a POST with exactly the body, to path and query, with the given headers', async () => {
    let seen: unknown;
    const url = await receiver((incoming, answer) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { method, url: path, headers } = incoming;
        seen = {
          method,
          path,
          id: headers['webhook-id'],
          length: headers['content-length'],
          body: Buffer.concat(chunks).toString(),
        };
        answer.writeHead(202, { 'retry-after': '7' }).end('thanks');
      });
    });
    expect(await send({ ...request, url })).toEqual({
      kind: 'answer',
      status: 202,
      retryAfter: '7',
      body: 'thanks',
    });
    expect(seen).toEqual({ method: 'POST', path: '/hook?x=1', id: 'dlv_1', length: '8', body: request.body });
    expect(await send({ ...request, url, body: Buffer.from(request.body) })).toMatchObject({ status: 202 });
  });

  it('has an answer where a receiver switches protocols, and where it only hangs up', async () => {
    const says = (text: string) =>
      listening(
        createTcpServer((socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => (text.includes('101') ? socket.write(text) : socket.end(text)));
        }),
      );
    const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(await send({ ...request, timeoutMs: 1000, url: await says(upgrade) })).toEqual({
      kind: 'answer',
      status: 101,
      body: '',
    });
    expect(await send({ ...request, url: await says('HTTP/1.1 102 Processing\r\n\r\n') })).toMatchObject({
      kind: 'no-answer',
    });
  });

  it('asks for consent by OPTIONS, and tells what is consented to', async () => {
    let asked: unknown;
    const url = await receiver((incoming, answer) => {
      asked = {
        method: incoming.method,
        path: incoming.url,
        origin: incoming.headers['webhook-request-origin'],
      };
      answer.writeHead(200, { 'WebHook-Allowed-Origin': '*', 'WebHook-Allowed-Rate': '120' }).end();
    });
    const handshake = { ...request, url, method: 'OPTIONS' as const, body: '' };
    const headers = { 'webhook-request-origin': 'mesh.example' };
    expect(await send({ ...handshake, headers })).toEqual({
      kind: 'answer',
      status: 200,
      consent: { origin: '*', rate: '120' },
      body: '',
    });
    expect(asked).toEqual({ method: 'OPTIONS', path: '/hook?x=1', origin: 'mesh.example' });
  });

  it('tells no consent where none is given, whatever else is answered', async () => {
    const url = await receiver((_incoming, answer) =>
      answer.writeHead(200, { allow: 'POST', 'WebHook-Allowed-Rate': '*' }).end(),
    );
    const answer = await send({ ...request, url, method: 'OPTIONS', body: '' });
    expect(answer).toEqual({ kind: 'answer', status: 200, body: '' });
  });

  it('does not follow a redirect', async () => {
    let visits = 0;
    const url = await receiver((_incoming, answer) => {
      visits += 1;
      answer.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(await send({ ...request, url })).toEqual({ kind: 'answer', status: 302, body: '' });
    expect(visits).toBe(1);
  });

  it('keeps the first KiB of an answer, whole characters only, and stops reading a long one', async () => {
    let written = 0;
    const url = await receiver((_incoming, answer) => {
      answer.writeHead(200);
      const more = (): void => {
        if (answer.destroyed) return;
        written += 32_768;
        answer.write('é€'.repeat(6554), () => setImmediate(more));
      };
      more();
    });
    const answer = await send({ ...request, url });
    expect(answer).toMatchObject({ kind: 'answer', status: 200 });
    const { body } = answer as { body: string };
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(body)).toBeGreaterThan(1020);
    expect('é€'.repeat(500).startsWith(body)).toBe(true);
    expect(written).toBeLessThan(10_000_000);
  });

  it('uses one connection again', async () => {
    const connections = new Set<unknown>();
    const url = await receiver((incoming, answer) => {
      connections.add(incoming.socket);
      incoming.resume().on('end', () => answer.end('ok'));
    });
    for (let count = 0; count < 5; count += 1) await send({ ...request, url });
    expect(connections.size).toBe(1);
  });

  it('goes again, once, when the kept connection turns out to be closed', async () => {
    let count = 0;
    const url = await receiver((incoming, answer) => {
      count += 1;
      if (count === 2) incoming.socket.resetAndDestroy();
      else incoming.resume().on('end', () => answer.end('ok'));
    });
    expect(await send({ ...request, url })).toMatchObject({ status: 200 });
    expect(await send({ ...request, url })).toMatchObject({ status: 200 });
    expect(count).toBe(3);
  });

  it('does not go again when that turns out so late that its verdict no longer stands', async () => {
    let count = 0;
    const url = await receiver((incoming, answer) => {
      count += 1;
      if (count === 2) setTimeout(() => incoming.socket.resetAndDestroy(), 200);
      else incoming.resume().on('end', () => answer.end('ok'));
    });
    const hasty = webhookSender({ privateAddresses: true, ports: [443], connectMs: 100 });
    expect(await hasty({ ...request, url })).toMatchObject({ status: 200 });
    expect(await hasty({ ...request, url })).toEqual({
      kind: 'no-answer',
      error: 'The connection was closed',
    });
    expect(count).toBe(2);
  });

  it('begins within 5 s of what its verdict was read from, with something to spare for late timers', () => {
    const begins = milliseconds(MOST_VERDICT_AGE) + PREPARED_WITHIN_MS + CONNECT_MS;
    expect(begins).toBeLessThanOrEqual(5000 - 500);
  });

  it('does not go again on a connection that was new', async () => {
    let count = 0;
    const url = await receiver((incoming) => {
      count += 1;
      incoming.socket.resetAndDestroy();
    });
    expect(await send({ ...request, url })).toMatchObject({ kind: 'no-answer' });
    expect(count).toBe(1);
  });
});

describe('no answer', () => {
  it('comes when the receiver says nothing within the time', async () => {
    const url = await receiver(() => undefined);
    const begun = Date.now();
    expect(await send({ ...request, url, timeoutMs: 200 })).toEqual({
      kind: 'no-answer',
      error: 'No answer within 200 ms',
    });
    expect(Date.now() - begun).toBeLessThan(1000);
  });

  it('is not what a slow body gives: its status has come', async () => {
    const url = await receiver((_incoming, answer) => void answer.writeHead(200).write('some'));
    expect(await send({ ...request, url, timeoutMs: 300 })).toEqual({
      kind: 'answer',
      status: 200,
      body: 'some',
    });
  });

  it('is not what a dripping body gives either: the time is for the whole exchange', async () => {
    const url = await receiver((_incoming, answer) => {
      answer.writeHead(200);
      const drip = setInterval(() => answer.write('.'), 20);
      answer.on('close', () => clearInterval(drip));
    });
    const begun = Date.now();
    expect(await send({ ...request, url, timeoutMs: 300 })).toMatchObject({ kind: 'answer', status: 200 });
    expect(Date.now() - begun).toBeLessThan(1000);
  });

  it('comes of trickled headers too: the time is for the whole exchange', async () => {
    const url = await listening(
      createTcpServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const trickle = setInterval(() => socket.write('x-a: b\r\n'), 50);
        socket.on('close', () => clearInterval(trickle)).on('error', () => undefined);
      }),
    );
    expect(await send({ ...request, url, timeoutMs: 300 })).toMatchObject({ kind: 'no-answer' });
  });

  it('comes of a closed port, of what is not HTTP, and of a header that would split the request', async () => {
    const url = await receiver((_incoming, answer) => answer.end());
    const garbage = await listening(
      createTcpServer((socket) => socket.on('error', () => undefined).end('hello\r\n\r\n')),
    );
    const closed = await listening(createTcpServer());
    await new Promise((resolve) => open.pop()?.close(resolve));
    expect(await send({ ...request, url: closed })).toMatchObject({
      kind: 'no-answer',
      error: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await send({ ...request, url: garbage })).toMatchObject({ kind: 'no-answer' });
    expect(await send({ ...request, url, headers: { a: 'b\r\nc: d' } })).toMatchObject({ kind: 'no-answer' });
  });

  it('comes when no connection is made within its own limit, long before the timeout', async () => {
    const stuck = (() => undefined) as unknown as typeof lookup;
    const slow = webhookSender({ privateAddresses: false, ports: [443], resolve: stuck, connectMs: 100 });
    const answer = await slow({ ...request, url: 'https://example.org/', timeoutMs: 15_000 });
    expect(answer).toEqual({ kind: 'no-answer', error: 'No connection within 100 ms' });
  });
});

describe('a refused address', () => {
  const closed = webhookSender({ privateAddresses: false, ports: [443] });

  it.each([
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/',
    'http://example.org/',
    'https://localhost/',
  ])('is %s, before anything is sent', async (url) =>
    expect(await closed({ ...request, url })).toMatchObject({ kind: 'refused' }),
  );

  it.each([['127.0.0.1'], ['169.254.169.254', '10.0.0.1'], ['::ffff:127.0.0.1'], ['fd00:ec2::254']])(
    'is a name that leads to %s when it is resolved',
    async (...addresses) => {
      const rebound = webhookSender({
        privateAddresses: false,
        ports: [443],
        resolve: resolver(...addresses),
      });
      expect(await rebound({ ...request, url: 'https://rebind.example.org/' })).toEqual({
        kind: 'refused',
        error: 'The name leads to a private, local or reserved address',
      });
    },
  );

  it('is one on a port that the territory does not allow', async () => {
    const url = 'https://8.8.8.8:8443/';
    expect(await closed({ ...request, url })).toEqual({
      kind: 'refused',
      error: 'The URL must not use port 8443: this territory allows 443',
    });
  });

  it('among public ones is passed over, however many addresses are asked for', () => {
    const mixed = publicLookup(resolver('127.0.0.1', '8.8.8.8', '::1', '2606:4700::1111'));
    const answers: unknown[] = [];
    mixed('mixed.example.org', { all: true }, (_error, addresses) => answers.push(addresses));
    mixed('mixed.example.org', {}, (_error, address, family) => answers.push([address, family]));
    expect(answers).toEqual([
      [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ],
      ['8.8.8.8', 4],
    ]);
  });
});
