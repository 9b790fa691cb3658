import { createPublicKey, verify } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { refsOf } from '../../domain/clock/release.ts';
import { settleSubscriptions } from '../../domain/clock/settle.ts';
import { consentLater, verifySubscription } from '../../domain/ownership/prove.ts';
import type { WebhookAnswer, WebhookRequest } from '../../domain/ports.ts';
import { sourceIdentity } from '../../domain/source.ts';
import { patchSubscription } from '../../domain/subscriptions/change.ts';
import { subscribe } from '../../domain/subscriptions/subscribe.ts';
import { testSubscription } from '../../domain/subscriptions/subscriptions.ts';
import { given, TYPE } from '../given.ts';
import { timeFor } from './clock/portions.ts';
import { flowInMemory, type MemoryFlow } from './deliver/flow.ts';
import { problemOf } from './mesh.ts';

const app = given.caller('app');
const SETTLING_MS = 120_000;
const URL_OF = 'https://app.example.org/hook';
let flow: MemoryFlow;
beforeEach(() => {
  flow = flowInMemory();
});

const answered = (status: number, more: Partial<WebhookAnswer & { kind: 'answer' }> = {}): WebhookAnswer => ({
  kind: 'answer',
  status,
  body: '',
  ...more,
});
/** A receiver that knows no handshake, and does nothing about a challenge. */
const knowsNothing = (): void => void (flow.sender.shake = () => answered(405));
const challengeIn = ({ body }: WebhookRequest): string | undefined =>
  (JSON.parse(String(body)) as { data: { challenge?: string } }).data.challenge;
const webhookTo = (url: string) => ({
  kind: 'webhook' as const,
  url,
  mode: 'structured' as const,
  concurrency: 10,
});

async function subscribed(url = URL_OF) {
  const contract = await flow.agrees();
  const request = { contract: contract.id, types: [TYPE], destination: webhookTo(url) };
  return (await subscribe(flow, app, request)).subscription;
}
const only = <Item>(items: Item[]): Item => {
  expect(items).toHaveLength(1);
  return items[0] as Item;
};
/** The clock's beat once the rule has had its time; then all that waits is delivered. */
async function settles(): Promise<void> {
  flow.later(SETTLING_MS);
  await settleSubscriptions(flow, flow.now());
  await flow.wakes();
}
const consentOf = (request: WebhookRequest | undefined): [string, string] => {
  const [, id = '', word = ''] =
    /\/v1\/subscriptions\/([^/]+)\/consent\/(.+)$/.exec(request?.headers['webhook-request-callback'] ?? '') ??
    [];
  return [id, word];
};

describe('the handshake', () => {
  test('is asked again by whoever has consented, for another rate; silence changes nothing', async () => {
    const allows = (rate: string): void =>
      void (flow.sender.shake = () => answered(200, { consent: { origin: '*', rate } }));
    allows('5');
    const { id } = await subscribed();
    for (const [rate, kept] of [
      ['600', 600],
      ['*', '*'],
    ] as const) {
      allows(rate);
      expect(await verifySubscription(flow, app, id)).toMatchObject({
        status: 'starting',
        ownership: { proof: 'handshake', allowedRate: kept },
      });
    }
    knowsNothing();
    expect(await verifySubscription(flow, app, id)).toMatchObject({ ownership: { allowedRate: '*' } });
  });

  test('asks the exact URL, and who consents gets events with the origin that asked', async () => {
    flow.sender.shake = () => answered(200, { consent: { origin: 'Mesh.Example.org', rate: '90' } });
    const made = await subscribed(`${URL_OF}?tenant=1`);
    expect(made).toMatchObject({
      status: 'starting',
      ownership: { proof: 'handshake', origin: 'mesh.example.org', allowedRate: 90 },
    });
    expect(only(flow.sender.handshakes)).toMatchObject({
      url: `${URL_OF}?tenant=1`,
      method: 'OPTIONS',
      body: '',
      headers: { 'webhook-request-origin': 'mesh.example.org', 'webhook-request-rate': '600' },
    });
    expect(flow.sender.requests).toEqual([]);

    const subscription = await flow.subscription(made.id);
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect(only(flow.sender.requests).headers['webhook-request-origin']).toBe('mesh.example.org');
  });

  test.each([
    ['somebody else', answered(200, { consent: { origin: 'other.example.org' } }), 1],
    ['nobody', answered(200), 2],
    ['nobody, for it is elsewhere', answered(302), 2],
    ['nobody, for it is away', { kind: 'no-answer', error: 'ECONNREFUSED' } as const, 2],
  ])('that names %s leaves a subscription unverified, which says why', async (_who, answer, asked) => {
    flow.sender.shake = () => answer;
    const made = await subscribed();
    expect(made).toMatchObject({ status: 'unverified', ownership: { proof: 'none' } });
    expect(made.ownership?.asked).toHaveLength(asked);
    expect(made.ownership).not.toHaveProperty('consent');
    expect(await flow.noticesOf('app')).toEqual(['maille.subscription.unverified.v1']);
    expect((await problemOf(testSubscription(flow, app, made.id))).detail).toContain('unverified');
  });
});

describe('a challenge', () => {
  beforeEach(knowsNothing);
  const answering = (body: (challenge: string) => string, status = 200): void => {
    flow.sender.answer = (request) => answered(status, { body: body(challengeIn(request) ?? '') });
  };

  test.each([
    ['as text', (challenge: string) => `${challenge}\n`],
    ['as JSON', (challenge: string) => JSON.stringify({ challenge })],
  ])('that is answered %s proves ownership', async (_how, body) => {
    answering(body);
    expect(await subscribed()).toMatchObject({ status: 'starting', ownership: { proof: 'challenge' } });
  });

  test.each([
    ['a part of what came', (challenge: string) => `{"data":{"challenge":"${challenge}"}}`, 200],
    ['another challenge', () => 'guessed', 200],
    ['nothing', () => '', 204],
    ['the challenge, but no success', (challenge: string) => challenge, 400],
    ['a redirect', (challenge: string) => challenge, 302],
  ])('that is answered by %s proves nothing', async (_what, body, status) => {
    answering(body, status);
    expect(await subscribed()).toMatchObject({ status: 'unverified', ownership: { proof: 'none' } });
  });

  test('is signed by the published key, since nobody has the secret yet, and never the same', async () => {
    const { id } = await subscribed();
    await problemOf(verifySubscription(flow, app, id));
    const [first, second] = flow.sender.requests as [WebhookRequest, WebhookRequest];
    expect(JSON.parse(String(first.body))).toMatchObject({ type: 'maille.challenge.v1', subject: id });
    expect(challengeIn(first)).toMatch(/^[\w-]{43}$/);
    expect(challengeIn(second)).not.toBe(challengeIn(first));
    const { keys } = await sourceIdentity(flow);
    const key = createPublicKey({ key: { ...only(keys).jwk }, format: 'jwk' });
    const { headers, body } = first;
    const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${String(body)}`;
    const [, v1a = ''] = headers['webhook-signature']?.split(' v1a,') ?? [];
    expect(verify(null, Buffer.from(content), key, Buffer.from(v1a, 'base64'))).toBe(true);
  });
});

describe('what comes before the receiver has consented', () => {
  beforeEach(knowsNothing);

  test('is withheld, and goes once it has, also what comes again', async () => {
    const made = await subscribed();
    const unverified = await flow.subscription(made.id);
    const events = [await flow.accepted(), await flow.accepted()];
    await flow.deliver(...events.map((entry) => flow.matched(unverified, entry)));
    await settles();
    flow.sender.requests.splice(0);
    const held = await flow.deliveries.list(made.id, {}, { limit: 10 });
    expect(held.items.map(({ status, clause }) => [status, clause])).toEqual([
      ['withheld', 'subscription.status=unverified'],
      ['withheld', 'subscription.status=unverified'],
    ]);
    expect((await flow.subscription(made.id)).status).toBe('unverified');

    const problem = await problemOf(verifySubscription(flow, app, made.id));
    expect(problem).toMatchObject({ kind: 'conflict', errors: [{ path: '/destination/url' }, {}] });
    for (const words of ['OPTIONS', '405', 'maille.challenge.v1', `${made.id}/verify`, 'mesh.example.org'])
      expect(problem.detail).toContain(words);

    flow.sender.shake = () => answered(200, { consent: { origin: '*' } });
    expect(await verifySubscription(flow, app, made.id)).toMatchObject({
      status: 'starting',
      ownership: { proof: 'handshake' },
    });
    flow.sender.requests.splice(0);
    await settles();
    expect(flow.sent().sort()).toEqual(held.items.map(({ id }) => id).sort());
    expect(await flow.subscription(made.id)).toMatchObject({ status: 'active' });
    expect((await flow.subscription(made.id)).ownership).not.toHaveProperty('owing');
    await settles();
    expect(flow.sent()).toHaveLength(2);
  });

  test('and is more than a beat can send goes at several, and only then is nothing owed', async () => {
    const made = await subscribed();
    const unverified = await flow.subscription(made.id);
    const events = await Promise.all(Array.from({ length: 250 }, () => flow.accepted()));
    await flow.deliver(...events.map((entry) => flow.matched(unverified, entry)));
    await settles();
    flow.sender.shake = () => answered(200, { consent: { origin: '*' } });
    await verifySubscription(flow, app, made.id);
    flow.sender.requests.splice(0);
    const sent: number[] = [];
    for (let beats = 0; beats < 3; beats += 1) {
      flow.later(SETTLING_MS);
      await settleSubscriptions(flow, flow.now(), timeFor(1));
      await flow.wakes();
      sent.push(new Set(flow.sent()).size);
    }
    expect(sent).toEqual([200, 250, 250]);
    expect(flow.sent()).toHaveLength(250);
    const { status, ownership } = await flow.subscription(made.id);
    expect(status).toBe('active');
    expect(ownership).not.toHaveProperty('owing');
  });

  test('and was on its way to the address before goes to the new one, once that has consented', async () => {
    flow.sender.shake = () => answered(200, { consent: { origin: '*' } });
    const made = await subscribed();
    await settles();
    flow.answers(500);
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(await flow.subscription(made.id), entry));
    expect(flow.sender.requests.map(({ url }) => url)).toEqual([URL_OF]);

    knowsNothing();
    flow.answers(204);
    const moved = await patchSubscription(flow, app, made.id, {
      destination: webhookTo('https://new.example.org/'),
    });
    expect(moved).toMatchObject({ status: 'unverified', ownership: { proof: 'none' } });
    flow.sender.requests.splice(0);
    flow.later(10_000);
    await flow.wakes();
    expect(flow.sender.requests).toEqual([]);

    flow.sender.shake = () => answered(200, { consent: { origin: '*' } });
    await verifySubscription(flow, app, made.id);
    await settles();
    expect(flow.sender.requests.map(({ url }) => url)).toEqual(['https://new.example.org/']);
  });

  test('is looked for only when no function can take the subscription for unverified any more', async () => {
    flow.territory.ruleSettling = 'PT1S';
    const { id } = await subscribed();
    const entry = await flow.accepted();
    await flow.standings.read(refsOf(await flow.subscription(id)));
    flow.later(1000);
    flow.sender.shake = () => answered(200, { consent: { origin: '*' } });
    await verifySubscription(flow, app, id);
    flow.sender.requests.splice(0);
    // What the function remembers still says unverified.
    await flow.deliver(flow.matched(await flow.subscription(id), entry));
    expect(flow.sent()).toEqual([]);
    for (const [ms, settled] of [
      [1100, 0],
      [3800, 0],
      [200, 1],
    ] as const) {
      flow.later(ms);
      expect(await settleSubscriptions(flow, flow.now())).toMatchObject({ settled });
    }
    await flow.wakes();
    expect(flow.sent()).toHaveLength(1);
  });

  test('stays withheld while it is paused, and pausing proves nothing', async () => {
    const { id } = await subscribed();
    const paused = await patchSubscription(flow, app, id, { paused: true });
    expect(paused.status).toBe('paused');
    const asked = flow.sender.requests.length;
    expect((await problemOf(testSubscription(flow, app, id))).detail).toContain('unverified');
    expect(flow.sender.requests).toHaveLength(asked);
    expect(await patchSubscription(flow, app, id, { label: 'x' })).toMatchObject({ status: 'paused' });
    expect(await patchSubscription(flow, app, id, { paused: false })).toMatchObject({ status: 'unverified' });
    expect(await patchSubscription(flow, app, id, { label: 'y' })).toMatchObject({ status: 'unverified' });
  });
});

describe('consent that comes later', () => {
  beforeEach(knowsNothing);

  test('is taken by the word that only the receiver was told, and told to the consumer', async () => {
    const { id } = await subscribed();
    const [asked, word] = consentOf(flow.sender.handshakes[0]);
    expect(asked).toBe(id);
    expect(word).toMatch(/^[\w-]{43}$/);
    for (const wrong of ['', 'x', word.slice(1)])
      expect((await problemOf(consentLater(flow, id, wrong, undefined))).kind).toBe('not-found');
    expect((await flow.subscription(id)).status).toBe('unverified');
    flow.later(1000);
    await consentLater(flow, id, word, '30');
    expect(await flow.subscription(id)).toMatchObject({
      status: 'starting',
      ownership: { proof: 'callback', allowedRate: 30, owing: true },
    });
    expect((await flow.noticesOf('app')).at(-1)).toBe('maille.subscription.verified.v1');
    // A receiver that says so twice is content.
    expect(await consentLater(flow, id, word, undefined)).toMatchObject({ subscription: id });
  });

  test('may come while the receiver is still being asked', async () => {
    flow.sender.shake = async (request) => {
      await consentLater(flow, ...consentOf(request), undefined);
      return answered(200);
    };
    expect(await subscribed()).toMatchObject({ status: 'starting', ownership: { proof: 'callback' } });
  });

  test('is for the address that was asked, and for no later question', async () => {
    const { id } = await subscribed();
    const [, first] = consentOf(flow.sender.handshakes[0]);
    await patchSubscription(flow, app, id, { destination: webhookTo('https://victim.example.org/') });
    expect((await problemOf(consentLater(flow, id, first, undefined))).kind).toBe('not-found');
    expect((await flow.subscription(id)).status).toBe('unverified');
  });
});

describe('where the handshake is only offered', () => {
  beforeEach(() => {
    flow = flowInMemory();
    flow.territory.webhookOwnership = 'offered';
  });

  test('a receiver that knows none is taken as it is, without a challenge', async () => {
    knowsNothing();
    expect(await subscribed()).toMatchObject({ status: 'starting', ownership: { proof: 'not-asked' } });
    expect(flow.sender.requests).toEqual([]);
    expect(only(flow.sender.handshakes).headers).not.toHaveProperty('webhook-request-callback');
  });

  test('one that names somebody else is refused, and nothing is left behind', async () => {
    flow.sender.shake = () => answered(200, { consent: { origin: 'other.example.org' } });
    const problem = await problemOf(subscribed());
    expect(problem).toMatchObject({ kind: 'not-valid', errors: [{ path: '/destination/url' }] });
    expect((await flow.registry.list('subscriptions', {}, { limit: 10 })).items).toEqual([]);
    expect(await flow.rules.list()).toEqual([]);
  });
});

test.each(['required', 'offered'] as const)(
  'nobody is asked anything while the contract does not stand: %s',
  async (how) => {
    flow.territory.webhookOwnership = how;
    knowsNothing();
    const made = await subscribed();
    await flow.changes('contract', made.contract, { state: 'suspended' });
    const asked = flow.sender.handshakes.length;
    if (how === 'required')
      expect((await problemOf(verifySubscription(flow, app, made.id))).detail).toContain('suspended');
    await patchSubscription(flow, app, made.id, { destination: webhookTo('https://new.example.org/') });
    expect(flow.sender.handshakes).toHaveLength(asked);
  },
);

test("another consumer's subscription is not there", async () => {
  const made = await subscribed();
  expect((await problemOf(verifySubscription(flow, given.caller('lab'), made.id))).kind).toBe('not-found');
});

describe('a queue', () => {
  const queueArn = 'arn:aws:sqs:eu-west-3:111122223333:air-quality';
  const toQueue = (arn: string) => ({ kind: 'sqs' as const, queueArn: arn, concurrency: 10 });
  const made = async () => {
    const contract = await flow.agrees();
    const request = { contract: contract.id, types: [TYPE], destination: toQueue(queueArn) };
    return (await subscribe(flow, app, request)).subscription;
  };
  const typesIn = (arn: string) => (flow.destinations.parcels.get(arn) ?? []).map(({ event }) => event.type);
  const locked = (): void => {
    const error = 'AccessDenied: the policy does not let the mesh in. Add this statement: {"Effect":"Allow"}';
    flow.destinations.answer = () => ({ kind: 'refused', error });
  };

  test('that lets the mesh in is told by a first event, whatever the territory says of webhooks', async () => {
    for (const webhookOwnership of ['required', 'offered'] as const) {
      flow = flowInMemory();
      flow.territory.webhookOwnership = webhookOwnership;
      expect(await made()).toMatchObject({ status: 'starting', ownership: { proof: 'policy' } });
      expect(typesIn(queueArn)).toEqual(['maille.verification.v1']);
    }
  });

  test('that does not is told the statement to add, and gets what came meanwhile once it does', async () => {
    for (const webhookOwnership of ['required', 'offered'] as const) {
      flow = flowInMemory();
      flow.territory.webhookOwnership = webhookOwnership;
      const { answer } = flow.destinations;
      locked();
      const { id, status } = await made();
      expect(status).toBe('unverified');
      await flow.deliver(flow.matched(await flow.subscription(id), await flow.accepted()));
      const problem = await problemOf(verifySubscription(flow, app, id));
      expect(problem.detail).toContain('Add this statement: {"Effect":"Allow"}');
      expect(problem.errors).toMatchObject([{ path: '/destination' }]);

      flow.destinations.answer = answer;
      expect(await verifySubscription(flow, app, id)).toMatchObject({ ownership: { proof: 'policy' } });
      await settles();
      expect(typesIn(queueArn)).toEqual(['maille.verification.v1', TYPE]);
    }
  });

  test('is asked when it is another one, and not when only its concurrency changes', async () => {
    const { id } = await made();
    locked();
    const wider = { ...toQueue(queueArn), concurrency: 20 };
    expect(await patchSubscription(flow, app, id, { destination: wider })).not.toMatchObject({
      status: 'unverified',
    });
    const moved = toQueue(`${queueArn}-2`);
    expect(await patchSubscription(flow, app, id, { destination: moved })).toMatchObject({
      status: 'unverified',
    });
  });
});
