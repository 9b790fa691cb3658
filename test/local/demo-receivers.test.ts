import { afterEach, describe, expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { type ReceivedEvent, type Receiver, startReceiver } from '../../local/demo/receivers.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const EVENT = {
  specversion: '1.0',
  id: 'é-1',
  source: '//la-rochelle/atmo',
  type: 'some.type',
  data: { co2: 1001 },
};

function signed(body: string, secret = SECRET, at = new Date()): Record<string, string> {
  return {
    'webhook-id': 'dlv_01J0000000000000000000TEST',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign('dlv_01J0000000000000000000TEST', at, body),
  };
}

describe('a receiver', () => {
  let receiver: Receiver | undefined;
  afterEach(() => receiver?.close());

  async function given(...secrets: string[]) {
    const received: ReceivedEvent[] = [];
    const started = await startReceiver((event) => received.push(event));
    receiver = started;
    for (const secret of secrets) started.trust(secret);
    const post = async (body: string, headers: Record<string, string>): Promise<number> =>
      (await fetch(started.url, { method: 'POST', body, headers })).status;
    return { received, post, url: started.url };
  }

  test('consents when it is asked whether it wants events', async () => {
    const { url } = await given();
    const answer = await fetch(url, { method: 'OPTIONS', headers: { 'webhook-request-origin': 'mesh' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('webhook-allowed-origin')).toBe('*');
  });

  test('takes a signed structured event', async () => {
    const { received, post } = await given(SECRET);
    const body = JSON.stringify(EVENT);
    expect(await post(body, { ...signed(body), 'content-type': 'application/cloudevents+json' })).toBe(204);
    expect(received).toEqual([
      { delivery: 'dlv_01J0000000000000000000TEST', id: 'é-1', type: 'some.type', data: { co2: 1001 } },
    ]);
  });

  test('takes a signed binary event', async () => {
    const { received, post } = await given(SECRET);
    const body = JSON.stringify(EVENT.data);
    const attributes = {
      'ce-specversion': '1.0',
      'ce-id': '%C3%A9-1',
      'ce-type': 'some.type',
      'ce-source': '//x',
    };
    expect(await post(body, { ...signed(body), ...attributes, 'content-type': 'application/json' })).toBe(
      204,
    );
    expect(received).toMatchObject([{ id: 'é-1', type: 'some.type', data: { co2: 1001 } }]);
  });

  test.each([
    [
      'a changed body',
      () => [JSON.stringify({ ...EVENT, id: 'other' }), signed(JSON.stringify(EVENT))] as const,
    ],
    ['another secret', () => [JSON.stringify(EVENT), signed(JSON.stringify(EVENT), OTHER)] as const],
    [
      'an old signature',
      () =>
        [
          JSON.stringify(EVENT),
          signed(JSON.stringify(EVENT), SECRET, new Date(Date.now() - 400_000)),
        ] as const,
    ],
    ['no signature', () => [JSON.stringify(EVENT), {}] as const],
  ])('refuses %s with a 400', async (_what, request) => {
    const { received, post } = await given(SECRET);
    expect(await post(...request())).toBe(400);
    expect(received).toEqual([]);
  });

  test('trusts the old and the new secret after a rotation', async () => {
    const { received, post } = await given(OTHER, SECRET);
    const body = JSON.stringify(EVENT);
    expect([await post(body, signed(body, OTHER)), await post(body, signed(body, SECRET))]).toEqual([
      204, 204,
    ]);
    expect(received).toHaveLength(2);
  });

  test('asks to wait while it knows no secret, and takes only POST', async () => {
    const { post, url } = await given();
    expect(await post('{}', signed('{}'))).toBe(503);
    expect((await fetch(url)).status).toBe(405);
  });

  test('listens on the loopback address only', async () => {
    const { url } = await given(SECRET);
    expect(new URL(url).hostname).toBe('127.0.0.1');
  });
});
