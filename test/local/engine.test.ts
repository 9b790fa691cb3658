import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { engineVariables } from '../../local/deploy.ts';
import { enginePort, localEngine, openEngine, stopLeftEngine, whoAnswers } from '../../local/engine.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

/** Something that answers every request on a free port of this machine. */
async function answering(body: string): Promise<number> {
  const server = createServer((_, response) => response.end(body));
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

describe('the engine', () => {
  it('has port 4566 unless MAILLE_PORT says otherwise, and says so when it is none', () => {
    expect(enginePort('')).toBe(4566);
    expect(enginePort('4567')).toBe(4567);
    for (const wrong of ['door', '0', '70000', '45.5'])
      expect(() => enginePort(wrong)).toThrow(/is not a port. Give/);
  });

  it('that already runs on the port is found and used, and left alone at the end', async () => {
    const port = await answering('{"services":{"sqs":"available"}}');
    const engine = await openEngine(port);
    expect(engine).toMatchObject({ endpoint: `http://127.0.0.1:${port}`, ours: false });
    await engine.stop();
    expect(await whoAnswers(engine.endpoint)).toBe('engine');
  });

  it('that another command started and stopped is missed, and says what to do', async () => {
    const port = await answering('{"services":{"sqs":"available"}}');
    const engine = await openEngine(port);
    const [server] = servers.splice(0);
    server?.closeAllConnections();
    await new Promise((done) => server?.close(done));
    expect((await engine.died).message).toMatch(/has ended[\s\S]*Run the command again/);
  });

  it.each(['<html>hello</html>', '{"status":"fine"}'])(
    'is not whatever else answers on the port: %s',
    async (body) => {
      const port = await answering(body);
      await expect(openEngine(port)).rejects.toThrow(
        /is taken by a program that is not an engine[\s\S]*MAILLE_PORT=/,
      );
    },
  );

  it('is nobody where nothing listens, and there is nothing to stop', async () => {
    const port = await answering('');
    const [server] = servers.splice(0);
    await new Promise((done) => server?.close(done));
    expect(await whoAnswers(`http://127.0.0.1:${port}`)).toBe('nobody');
    expect(await stopLeftEngine(port)).toBe(false);
  });

  it('is the only AWS that a deployment to it can reach', () => {
    const variables = engineVariables(localEngine(4570));
    expect(variables).toMatchObject({ AWS_ENDPOINT_URL: 'http://127.0.0.1:4570', AWS_ACCESS_KEY_ID: 'test' });
    expect(variables).toHaveProperty('AWS_PROFILE', undefined);
    expect(variables).toHaveProperty('AWS_SESSION_TOKEN', undefined);
  });
});
