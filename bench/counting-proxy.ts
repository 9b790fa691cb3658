import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A process that stands between a function and the engine and counts AWS calls by operation. `GET /calls` tells and
 * resets the counts. It tells its address to the process that forked it.
 */
const [, , engine = ''] = process.argv;
const agent = new Agent({ keepAlive: true });
let calls: Record<string, number> = {};

const server = createServer((asked, answer) => {
  if (asked.url === '/calls') {
    answer.end(JSON.stringify(calls));
    calls = {};
    return;
  }
  const operation = String(asked.headers['x-amz-target']).split('.').at(-1) ?? '';
  calls[operation] = (calls[operation] ?? 0) + 1;
  const { method, headers } = asked;
  const onwards = request(
    `${engine}${asked.url ?? '/'}`,
    { agent, headers, ...(method && { method }) },
    (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
    },
  );
  onwards.on('error', () => answer.destroy());
  asked.pipe(onwards);
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.on('disconnect', () => process.exit());
