import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { meshClient, MeshProblem } from '../../local/demo/mesh-client.ts';

describe('the client', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });

  async function given(listener: RequestListener) {
    const started = createServer(listener);
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    const { port } = started.address() as AddressInfo;
    return meshClient(`http://127.0.0.1:${port}/`, 'secret', new AbortController().signal);
  }

  test('tells a problem with everything that is wrong, and where', async () => {
    const client = await given((_request, response) => {
      const errors = [
        { path: '/id', message: 'must be a name' },
        { path: '/roles/0', message: 'is unknown' },
      ];
      const problem = { type: 'x#not-valid', title: 'Not valid', status: 422, detail: 'Two errors', errors };
      response.writeHead(422, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    const failure = client.ask('POST', '/participants', { json: {} });
    await expect(failure).rejects.toThrow(MeshProblem);
    await expect(failure).rejects.toThrow(
      'POST /participants: 422 Not valid. Two errors\n  /id: must be a name\n  /roles/0: is unknown',
    );
  });

  test('repeats what had no room, as the same request', async () => {
    const seen: (string | undefined)[] = [];
    const client = await given((request, response) => {
      seen.push(`${request.headers.authorization} ${String(request.headers['idempotency-key'])}`);
      response.writeHead(seen.length < 3 ? 503 : 201, { 'retry-after': '0' }).end('{"id":"one"}');
    });
    expect((await client.ask('POST', '/contracts', { json: {} })).body).toEqual({ id: 'one' });
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
    expect(seen[0]).toMatch(/^Bearer secret [0-9a-f-]{36}$/);
  });

  test('reads a list to its end', async () => {
    const client = await given((request, response) => {
      const cursor = new URL(request.url ?? '', 'http://x').searchParams.get('cursor');
      response.end(
        JSON.stringify(cursor === 'a&b' ? { items: [3], next: null } : { items: [1, 2], next: 'a&b' }),
      );
    });
    expect(await client.list('/contracts?role=consumer')).toEqual([1, 2, 3]);
  });

  test('finds nothing where there is nothing, and tells what is no problem document', async () => {
    const client = await given((request, response) => {
      response.writeHead(request.url === '/v1/absent' ? 404 : 502).end('<html>gateway</html>');
    });
    expect(await client.find('/absent')).toBeUndefined();
    await expect(client.find('/broken')).rejects.toThrow('502 Bad Gateway. <html>gateway</html>');
  });

  test('names the mesh that does not answer', async () => {
    const client = meshClient('http://127.0.0.1:9', 'secret', new AbortController().signal);
    await expect(client.ask('GET', '/me')).rejects.toThrow('the mesh at http://127.0.0.1:9 does not answer');
  });
});
