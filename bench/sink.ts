import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A process of its own that takes webhooks and answers 204 at once. `GET /seen` tells how many came, how many of them
 * for the first time by path and `webhook-id`, when the last one came, and how long each was under way; then it starts
 * anew. It tells its address to the process that forked it.
 */
interface Seen {
  received: number;
  distinct: number;
  /** Epoch milliseconds, with fractions. */
  lastAt: number;
  /** Milliseconds from the event's `time` extension `sentat` to its arrival. */
  tookMs: number[];
}

const none = (): Seen => ({ received: 0, distinct: 0, lastAt: 0, tookMs: [] });
let seen = none();
const ids = new Set<string>();
const now = (): number => performance.timeOrigin + performance.now();

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(
      JSON.stringify(request.url === '/seen' ? seen : { received: seen.received, distinct: seen.distinct }),
    );
    if (request.url === '/seen') seen = none();
    return;
  }
  if (request.method === 'OPTIONS') {
    response.writeHead(200, { 'webhook-allowed-origin': '*', 'webhook-allowed-rate': '*' }).end();
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.writeHead(204).end();
    seen.received += 1;
    const id = `${request.url} ${String(request.headers['webhook-id'])}`;
    if (ids.has(id)) return;
    ids.add(id);
    seen.distinct += 1;
    seen.lastAt = now();
    const [, sentAt] = /"sentat":"([\d.]+)"/.exec(Buffer.concat(chunks).toString('latin1')) ?? [];
    if (sentAt !== undefined) seen.tookMs.push(seen.lastAt - Number(sentAt));
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', 4096, () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.on('disconnect', () => process.exit());
