import { describe, expect, it } from 'vitest';
import {
  admit,
  agree,
  ask,
  eventOf,
  mesh,
  must,
  type Party,
  publish,
  receiver,
  share,
  subscribe,
  unique,
} from './world.ts';

const provider = await admit('atmo', ['provider']);
const consumer = await admit('app', ['consumer']);
const stranger = await admit('stranger', ['provider', 'consumer']);
const dataset = await share(provider, { access: 'restricted', visibleTo: [consumer.id] });
const contract = await agree(consumer, dataset.id);
const { id: subscription } = await subscribe(consumer, contract, { kind: 'pull' });

describe("somebody else's things", () => {
  it.each([
    ['GET', () => `/v1/datasets/${dataset.id}`],
    ['GET', () => `/v1/contracts/${contract}`],
    ['POST', () => `/v1/contracts/${contract}/terminate`],
    ['GET', () => `/v1/subscriptions/${subscription}`],
    ['DELETE', () => `/v1/subscriptions/${subscription}`],
    ['PATCH', () => `/v1/subscriptions/${subscription}`],
    ['POST', () => `/v1/subscriptions/${subscription}/messages/receive`],
    ['GET', () => `/v1/subscriptions/${subscription}/deliveries`],
    ['POST', () => `/v1/subscriptions/${subscription}/secret`],
    ['GET', () => `/v1/participants/${consumer.id}/keys`],
  ])('%s %s: 404, the same as for what does not exist', async (method, path) => {
    const json = method === 'GET' || method === 'DELETE' ? undefined : { reason: 'x', max: 1, label: 'x' };
    const body = path().endsWith('receive')
      ? { max: 1 }
      : path().endsWith('terminate')
        ? { reason: 'x' }
        : path().endsWith('secret')
          ? {}
          : json && { label: 'x' };
    const answer = await ask(stranger.key, method, path(), body);
    const swap = (text: string) =>
      text
        .replace(dataset.id, 'no-such-thing')
        .replace(contract, `ctr_${'0'.repeat(26)}`)
        .replace(subscription, `sub_${'0'.repeat(26)}`)
        .replace(consumer.id, 'nobody-here');
    const nothing = await ask(stranger.key, method, swap(path()), body);
    expect(answer.status).toBe(404);
    expect(nothing.status).toBe(404);
    expect(swap(JSON.stringify({ ...answer.body }))).toBe(JSON.stringify({ ...nothing.body }));
  });

  it('stand in no list of a stranger', async () => {
    for (const path of ['datasets', 'contracts', 'subscriptions', 'notices']) {
      const { body } = await must(200, stranger.key, 'GET', `/v1/${path}?limit=200`);
      const text = JSON.stringify(body);
      for (const id of [dataset.id, contract, subscription]) expect(text).not.toContain(id);
    }
  });

  it('cannot be published on, contracted, or taken over', async () => {
    expect((await publish(stranger, eventOf(dataset.type, { co2: 1 }))).status).toBe(422);
    expect((await publish(stranger, eventOf(dataset.type, { co2: 1 }, { dataset: dataset.id }))).status).toBe(
      422,
    );
    expect(
      (await ask(stranger.key, 'POST', '/v1/contracts', { dataset: dataset.id, purpose: 'research' })).status,
    ).toBe(404);
    const { body } = await must(200, provider.key, 'GET', `/v1/datasets/${dataset.id}`);
    const { id, provider: _p, status: _s, revision: _r, createdAt: _c, updatedAt: _u, types, ...rest } = body;
    const request = {
      ...rest,
      types: types.map(({ type, compatibility }: { type: string; compatibility: string }) => ({
        type,
        compatibility,
        schema: true,
      })),
    };
    expect((await ask(stranger.key, 'PUT', `/v1/datasets/${id}`, request)).status).toBe(409);
  });

  it('are not reached by a made-up key, and operators only do what operators may', async () => {
    expect((await ask(undefined, 'GET', '/v1/contracts')).status).toBe(401);
    expect((await ask('maille_operator_x', 'GET', '/v1/contracts')).status).toBe(401);
    expect((await ask(stranger.key, 'POST', '/v1/participants', {})).status).toBe(403);
    expect((await ask(stranger.key, 'GET', '/v1/participants')).status).toBe(403);
    expect(
      (
        await ask(stranger.key, 'POST', `/v1/participants/${stranger.id}/keys`, {
          label: 'x',
          role: 'operator',
        })
      ).status,
    ).toBe(403);
  });
});

describe('asking twice', () => {
  it('gives the same answer for the same Idempotency-Key, and 422 for another body', async () => {
    const hook = await receiver();
    const key = { 'idempotency-key': unique('once') };
    const request = { contract, destination: { kind: 'webhook', url: hook.url } };
    const first = await must(201, consumer.key, 'POST', '/v1/subscriptions', request, key);
    const second = await must(201, consumer.key, 'POST', '/v1/subscriptions', request, key);
    expect(second.body).toEqual(first.body);
    expect(first.body.secret).toMatch(/^whsec_/);
    const other = await ask(consumer.key, 'POST', '/v1/subscriptions', { ...request, label: 'other' }, key);
    expect(other.status).toBe(422);
  });

  it('lets one of two racing decisions win', async () => {
    const racing = await agree(consumer, dataset.id);
    const terminate = (who: Party) =>
      ask(who.key, 'POST', `/v1/contracts/${racing}/terminate`, { reason: who.id });
    const answers = await Promise.all([terminate(provider), terminate(consumer)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });
});

it('tests a subscription with a signed event, at once', async () => {
  const hook = await receiver();
  const { id } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url });
  const { body } = await must(200, consumer.key, 'POST', `/v1/subscriptions/${id}/test`, {});
  expect(body).toMatchObject({ status: 204 });
  expect(JSON.parse(hook.received[0]!.body)).toMatchObject({ type: 'maille.test.v1' });
});

it('answers every request with its id', async () => {
  const { headers } = await ask(mesh.keys.operator, 'GET', '/v1/me');
  expect(headers.get('x-request-id')).toBeTruthy();
});
