import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { webhookSender } from '../../adapters/http/sender.ts';
import { memoryDestinations } from '../../adapters/memory/destinations.ts';
import { memorySealer } from '../../adapters/memory/sealer.ts';
import { ownerAsker } from '../../domain/ownership/ask.ts';
import { type SourceIdentity, sourceIdentity } from '../../domain/source.ts';
import { testSender } from '../../domain/subscriptions/test-event.ts';
import { makeSecret } from '../../domain/subscriptions/subscribe.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { territory } from '../../schemas/territory.ts';
import { given } from '../given.ts';

/** What the page's code exports. */
interface Page {
  receiver: (options: {
    mesh: SourceIdentity;
    secret: () => string | undefined;
    onEvent: (event: { type: string }, id: string) => void;
  }) => RequestListener;
  isSignedByMesh: (keys: unknown[], headers: object, body: Buffer, now?: number) => boolean;
}

const folder = mkdtempSync(join(tmpdir(), 'maille-webhooks-page-'));
afterAll(() => rmSync(folder, { recursive: true }));
let page: Page;
beforeAll(async () => {
  const text = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
  const [, code = ''] = /```js\n(.*?)```/s.exec(text) ?? [];
  const file = join(folder, 'receiver.mjs');
  writeFileSync(file, code);
  page = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Page;
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Safe: it listens on a port, not on a pipe.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

const described = territory.parse({ id: 'test', name: 'Test', privateWebhooks: true });
const send = webhookSender({ privateAddresses: true, ports: [443] });
const deps = {
  send,
  handOver: memoryDestinations({ send }).handOver,
  sealer: memorySealer(),
  random: randomBytes,
  now: () => new Date(),
  territory: described,
  publicUrl: 'https://mesh.example.org',
};
async function subscriptionTo(url: string, secret: string, signatures: ('v1' | 'v1a')[] = ['v1']) {
  const destination = { kind: 'webhook', url, mode: 'structured', concurrency: 1, signatures } as const;
  const sealed = await deps.sealer.seal(secret);
  return given.subscription({ destination: { ...destination, signatures }, secrets: [{ sealed }] });
}

describe('the receiver of the page on webhooks', () => {
  const secret = makeSecret(randomBytes);
  const events: string[] = [];
  afterEach(() => void events.splice(0));
  const page1 = async (known: string | undefined, more: Partial<SourceIdentity> = {}) =>
    page.receiver({
      mesh: { ...(await sourceIdentity(deps)), ...more },
      secret: () => known,
      onEvent: ({ type }) => void events.push(type),
    });
  const tested = (subscription: Subscription) => testSender(deps)(subscription, new Date());

  it('consents to the mesh that it expects, and to no other', async () => {
    const ask = ownerAsker(deps);
    const ours = await subscriptionTo(await listening(await page1(undefined)), secret);
    expect(await ask(ours)).toMatchObject({ proof: 'handshake', allowedRate: '*' });
    const others = await page1(undefined, { origin: 'other.example.org', keys: [] });
    expect(await ask(await subscriptionTo(await listening(others), secret))).toMatchObject({ proof: 'none' });
  });

  it('answers the challenge of the mesh whose key it knows, before it has a secret', async () => {
    const handler = await page1(undefined, { origin: 'unknown.example.org' });
    const url = await listening(handler);
    expect(await ownerAsker(deps)(await subscriptionTo(url, secret))).toMatchObject({ proof: 'challenge' });
  });

  it('takes what is signed with its secret, and nothing that is not', async () => {
    const url = await listening(await page1(secret));
    expect(await tested(await subscriptionTo(url, secret))).toMatchObject({ status: 204 });
    expect(events).toEqual(['maille.test.v1']);
    expect(await tested(await subscriptionTo(url, makeSecret(randomBytes)))).toMatchObject({ status: 400 });
    expect(events).toHaveLength(1);
  });

  it('takes each event of a batch by its own delivery id', async () => {
    const took: string[] = [];
    const listener = page.receiver({
      mesh: await sourceIdentity(deps),
      secret: () => secret,
      onEvent: ({ type }, id) => void took.push(`${id} ${type}`),
    });
    const destination = {
      kind: 'webhook',
      url: await listening(listener),
      mode: 'batch',
      concurrency: 1,
    } as const;
    const parcels = ['dlv_1', 'dlv_2'].map((delivery) => ({
      delivery,
      event: given.event({ type: delivery }),
    }));
    const [first] = await deps.handOver({
      destination,
      parcels,
      signing: { secrets: [secret] },
      at: new Date(),
    });
    expect(first?.answer).toMatchObject({ status: 204 });
    expect(took).toEqual(['dlv_1 dlv_1', 'dlv_2 dlv_2']);
  });

  it('verifies by the published key, within five minutes', async () => {
    const came: { headers: object; body: Buffer }[] = [];
    const url = await listening((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        came.push({ headers: request.headers, body: Buffer.concat(chunks) });
        response.writeHead(204).end();
      });
    });
    await tested(await subscriptionTo(url, secret, ['v1', 'v1a']));
    const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = came;
    const { keys } = await sourceIdentity(deps);
    expect(page.isSignedByMesh(keys, headers, body)).toBe(true);
    expect(page.isSignedByMesh(keys, headers, Buffer.concat([body, Buffer.from(' ')]))).toBe(false);
    expect(page.isSignedByMesh(keys, headers, body, Date.now() + 302_000)).toBe(false);
    const others = await sourceIdentity({ ...deps, sealer: memorySealer() });
    expect(page.isSignedByMesh(others.keys, headers, body)).toBe(false);
  });
});
