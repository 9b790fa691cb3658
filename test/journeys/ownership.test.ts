import { createPublicKey, verify } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { beat } from './clock.ts';
import {
  agree,
  ask,
  eventOf,
  eventually,
  must,
  pair,
  published,
  type Received,
  type Receiver,
  receiver,
  verified,
} from './world.ts';

const { provider, consumer, dataset } = await pair();
const made: string[] = [];

afterEach(async () => {
  for (const id of made.splice(0)) await ask(consumer.key, 'DELETE', `/v1/subscriptions/${id}`);
});

async function webhook(whenAsked: Receiver['whenAsked'], more: object = {}) {
  const hook = await receiver();
  hook.whenAsked = whenAsked;
  const contract = await agree(consumer, dataset.id);
  const destination = { kind: 'webhook', url: hook.url, ...more };
  const { body } = await must(201, consumer.key, 'POST', '/v1/subscriptions', { contract, destination });
  made.push(body.subscription.id);
  return { hook, id: body.subscription.id, secret: body.secret, subscription: body.subscription };
}

const one = (id: string) => must(200, consumer.key, 'GET', `/v1/subscriptions/${id}`);
const deliveries = async (id: string) =>
  (await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}/deliveries`)).body.items;
const dataOf = ({ body }: Received) => JSON.parse(body).data;

/** Verifies as somebody outside would who knows the mesh's address and nothing else. */
async function signedByMesh({ headers, body }: Received): Promise<boolean> {
  const { keys } = (await ask(undefined, 'GET', '/.well-known/webhooks-keys.json')).body;
  const content = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  const given = String(headers['webhook-signature']).split(' ');
  const v1a = given
    .filter((part) => part.startsWith('v1a,'))
    .map((part) => Buffer.from(part.slice(4), 'base64'));
  return keys.some(({ jwk }: { jwk: object }) => {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    return v1a.some((signature) => verify(null, content, key, signature));
  });
}

describe('a receiver that keeps silent', () => {
  it('gets nothing until it consents, and then what came meanwhile, once, as promised', async () => {
    const { hook, id, secret, subscription } = await webhook('keeps silent');
    expect(subscription.status).toBe('unverified');
    expect(secret).toMatch(/^whsec_/);
    for (const n of [1, 2, 3]) await published(provider, eventOf(dataset.type, { co2: 500 + n }));
    const held = await eventually(async () => {
      const items = await deliveries(id);
      expect(items.map(({ clause }: { clause: string }) => clause)).toEqual(
        Array(3).fill('subscription.status=unverified'),
      );
      return items;
    });
    const refused = await ask(consumer.key, 'POST', `/v1/subscriptions/${id}/verify`);
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('OPTIONS')]);
    expect((await ask(consumer.key, 'POST', `/v1/subscriptions/${id}/test`)).status).toBe(409);
    expect(hook.received).toEqual([]);

    hook.whenAsked = 'consents';
    const { body } = await must(200, consumer.key, 'POST', `/v1/subscriptions/${id}/verify`);
    expect(body).toMatchObject({ status: 'starting', ownership: { proof: 'handshake' } });
    await eventually(async () => {
      await beat();
      expect((await one(id)).body.status).toBe('active');
    });
    const received = await hook.until(3);
    expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set(held.map((delivery: { id: string }) => delivery.id)),
    );
    for (const request of received) {
      expect(verified(secret, request)).toMatchObject({ type: dataset.type });
      expect(request.headers['webhook-request-origin']).toBe(body.ownership.origin);
    }
    await published(provider, eventOf(dataset.type, { co2: 504 }));
    const all = await hook.until(4);
    expect(all.map((request) => dataOf(request).co2).sort()).toEqual([501, 502, 503, 504]);
  });

  it('may consent later, at the address that it was told', async () => {
    const { hook, id } = await webhook('keeps silent');
    const callback = String(hook.asked[0]?.headers['webhook-request-callback']);
    const word = callback.split('/').at(-1) ?? '';
    expect((await fetch(callback.replace(word, 'guessed'))).status).toBe(404);
    expect((await one(id)).body.status).toBe('unverified');
    const answer = await fetch(callback, { method: 'POST', headers: { 'WebHook-Allowed-Rate': '120' } });
    expect(answer.status).toBe(200);
    expect((await one(id)).body).toMatchObject({
      status: 'starting',
      ownership: { proof: 'callback', allowedRate: 120 },
    });
    await published(provider, eventOf(dataset.type, { co2: 510 }));
    expect(dataOf((await hook.until(1))[0] as Received)).toEqual({ co2: 510 });
  });
});

describe('a receiver that knows no handshake', () => {
  it('proves itself by a challenge that the mesh has signed', async () => {
    const { hook, subscription } = await webhook('answers the challenge');
    expect(subscription).toMatchObject({ status: 'starting', ownership: { proof: 'challenge' } });
    const challenge = hook.asked[1] as Received;
    expect(JSON.parse(challenge.body).type).toBe('maille.challenge.v1');
    expect(await signedByMesh(challenge)).toBe(true);
    await published(provider, eventOf(dataset.type, { co2: 520 }));
    expect(dataOf((await hook.until(1))[0] as Received)).toEqual({ co2: 520 });
  });
});

describe('a receiver that redirects', () => {
  it('is asked where it was named, and nowhere else', async () => {
    const { hook, id, subscription } = await webhook('redirects');
    expect(subscription.status).toBe('unverified');
    expect(subscription.ownership.asked[0].answer).toContain('308 (redirects are not followed)');
    expect(hook.asked).toHaveLength(2);
    const moved = await ask(consumer.key, 'PATCH', `/v1/subscriptions/${id}`, {
      destination: { kind: 'webhook', url: `${hook.url}/elsewhere` },
    });
    expect(moved.body).toMatchObject({ status: 'unverified' });
  });
});

describe('the signature of the mesh itself', () => {
  it('is on what asks for it, beside that of the secret, and of nothing that was changed', async () => {
    const { hook, secret } = await webhook('consents', { signatures: ['v1', 'v1a'] });
    await published(provider, eventOf(dataset.type, { co2: 530 }));
    const [request] = (await hook.until(1)) as [Received];
    expect(verified(secret, request)).toMatchObject({ data: { co2: 530 } });
    expect(await signedByMesh(request)).toBe(true);
    expect(await signedByMesh({ ...request, body: request.body.replace('530', '531') })).toBe(false);
  });
});
