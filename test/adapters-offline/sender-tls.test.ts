import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { webhookSender } from '../../adapters/http/sender.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');
const request = { headers: { 'webhook-id': 'dlv_1' }, body: '{}', timeoutMs: 3000 };
const sender = () => webhookSender({ privateAddresses: true, ports: [443] });

/** What the receiver saw of each request: the name in TLS, and the one in HTTP. */
const seen: { servername: string | false | null | undefined; host: string | undefined }[] = [];
let server: Server;
let port: number;
beforeAll(async () => {
  server = createServer(
    { key: fixture('localhost.key'), cert: fixture('localhost.cert') },
    (asked, answer) => {
      // Safe: a server of https has TLS sockets.
      seen.push({ servername: (asked.socket as TLSSocket).servername, host: asked.headers.host });
      answer.writeHead(204).end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Safe: it listens on a port, not on a pipe.
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('a receiver whose certificate nobody vouches for', () => {
  it('gets nothing', async () => {
    const answer = await sender()({ ...request, url: `https://localhost:${port}/` });
    expect(answer).toMatchObject({ kind: 'no-answer', error: expect.stringMatching(/self.signed/i) });
    expect(seen).toEqual([]);
  });
});

describe('a receiver whose certificate is vouched for', () => {
  const usual = getCACertificates('default');
  beforeAll(() => setDefaultCACertificates([...usual, fixture('localhost.cert')]));
  afterAll(() => setDefaultCACertificates(usual));
  afterEach(() => void seen.splice(0));

  it('is told its own name, in TLS and in HTTP', async () => {
    const answer = await sender()({ ...request, url: `https://localhost:${port}/` });
    expect(answer).toEqual({ kind: 'answer', status: 204, body: '' });
    expect(seen).toEqual([{ servername: 'localhost', host: `localhost:${port}` }]);
  });

  it('gets nothing under another name than its certificate has', async () => {
    const answer = await sender()({ ...request, url: `https://127.0.0.1:${port}/` });
    expect(answer).toMatchObject({
      kind: 'no-answer',
      error: expect.stringContaining('ERR_TLS_CERT_ALTNAME'),
    });
    expect(seen).toEqual([]);
  });
});
