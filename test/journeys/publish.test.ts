import { CloudEvent, HTTP } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import {
  agree,
  ask,
  eventOf,
  mesh,
  pair,
  publish,
  published,
  publishBatch,
  receiver,
  subscribe,
  unique,
  verified,
} from './world.ts';

const { provider, consumer, dataset } = await pair();

async function webhook(more: object = {}, destination: object = {}) {
  const hook = await receiver();
  const contract = await agree(consumer, dataset.id);
  return {
    hook,
    ...(await subscribe(consumer, contract, { kind: 'webhook', url: hook.url, ...destination }, more)),
  };
}

describe('from publish to signed webhook', () => {
  it('delivers a structured event, signed, with dataset and sequence', async () => {
    const { hook, secret, id } = await webhook();
    const event = eventOf(dataset.type, { co2: 912.5, room: 'Salle été "1"' }, { subject: 'room-1' });
    const answer = await publish(provider, event);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      id: event.id,
      source: `//${mesh.territory}/${provider.id}`,
      status: 'accepted',
    });
    const [request] = await hook.until(1);
    const body = verified(secret, request!);
    expect(body).toEqual({
      ...event,
      source: `//${mesh.territory}/${provider.id}`,
      dataset: dataset.id,
      dataschema: expect.stringContaining(`/v1/datasets/${dataset.id}/types/`),
      sequence: expect.stringMatching(/^[0-9A-Z]{26}$/),
    });
    expect(request!.headers['content-type']).toMatch(/^application\/cloudevents\+json/);
    const list = await ask(consumer.key, 'GET', `/v1/subscriptions/${id}/deliveries`);
    expect(list.body.items).toMatchObject([
      {
        id: request!.headers['webhook-id'],
        status: 'delivered',
        verdict: 'deliver',
        clause: 'contract.terms',
        attempts: [{ status: 204 }],
      },
    ]);
  });

  it('delivers in binary mode what was published in binary mode', async () => {
    const { hook, secret } = await webhook({}, { mode: 'binary' });
    const id = unique('e');
    const answer = await ask(
      provider.key,
      'POST',
      '/v1/events',
      { co2: 700 },
      {
        'ce-specversion': '1.0',
        'ce-id': id,
        'ce-type': dataset.type,
        'ce-subject': 'Euro%20%E2%82%AC',
      },
    );
    expect(answer.status).toBe(202);
    const [request] = await hook.until(1);
    expect(verified(secret, request!)).toEqual({ co2: 700 });
    expect(request!.headers).toMatchObject({
      'ce-id': id,
      'ce-subject': 'Euro%20%E2%82%AC',
      'ce-dataset': dataset.id,
      'content-type': 'application/json',
    });
  });

  it('takes what the CloudEvents SDK sends', async () => {
    const { hook, secret } = await webhook();
    const message = HTTP.structured(
      new CloudEvent({
        id: unique('e'),
        source: `//${mesh.territory}/${provider.id}/sensor`,
        type: dataset.type,
        data: { co2: 1 },
      }),
    );
    const answer = await ask(
      provider.key,
      'POST',
      '/v1/events',
      message.body as string,
      message.headers as Record<string, string>,
    );
    expect(answer.status).toBe(202);
    expect(verified(secret, (await hook.until(1))[0]!)).toMatchObject({
      data: { co2: 1 },
      source: `//${mesh.territory}/${provider.id}/sensor`,
    });
  });

  it('takes a batch of 500, each event for itself, and delivers all that it took', async () => {
    const { hook } = await webhook();
    const events = Array.from({ length: 500 }, (_, n) =>
      eventOf(dataset.type, n === 250 ? { co2: 'high' } : { co2: 400, n }),
    );
    const answer = await publishBatch(provider, [...events.slice(0, 499), events[0]!]);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ accepted: 498, duplicates: 1, rejected: 1, failed: 0 });
    expect(answer.body.results[250]).toMatchObject({
      index: 250,
      status: 'rejected',
      problem: { errors: [{ path: '/data/co2' }] },
    });
    await hook.until(498, mesh.patienceMs * 4);
    const ids = new Set(hook.received.map(({ body }) => JSON.parse(body).id));
    expect(ids.size).toBe(498);
  });
});

describe('what is refused', () => {
  it('lists every error of the data by JSON Pointer', async () => {
    const answer = await publish(provider, eventOf(dataset.type, { co2: -1, teacher: 7, extra: true }));
    expect(answer.status).toBe(422);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
      '/data/co2',
      '/data/extra',
      '/data/teacher',
    ]);
  });

  it('tells a duplicate from a clash: an accepted event never changes', async () => {
    const event = eventOf(dataset.type, { co2: 500 });
    const first = await publish(provider, event);
    expect(first.body.status).toBe('accepted');
    const again = await publish(provider, event);
    expect(again.status).toBe(202);
    expect(again.body).toEqual({ ...first.body, status: 'duplicate' });
    const clash = await publish(provider, { ...event, data: { co2: 501 } });
    expect(clash.status).toBe(409);
  });

  it.each([
    ['an unknown type', () => eventOf('org.example.unknown', { co2: 1 }), 422, '/type'],
    [
      'a source of somebody else',
      () => eventOf(dataset.type, { co2: 1 }, { source: '//test/somebody' }),
      422,
      '/source',
    ],
    [
      'a wrong specversion',
      () => eventOf(dataset.type, { co2: 1 }, { specversion: '0.3' }),
      422,
      '/specversion',
    ],
  ])('refuses %s and says where', async (_, event, status, path) => {
    const answer = await publish(provider, event());
    expect(answer.status).toBe(status);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  it('answers 400 to what is not JSON, 413 to what is too large, 415 to XML, 401 and 403 to who may not', async () => {
    const type = { 'content-type': 'application/cloudevents+json' };
    expect((await ask(provider.key, 'POST', '/v1/events', '{"a":', type)).status).toBe(400);
    expect(
      (await publish(provider, eventOf(dataset.type, { co2: 1, room: 'x'.repeat(4_100_000) }))).status,
    ).toBe(413);
    const many = Array.from({ length: 501 }, () => eventOf(dataset.type, { co2: 1 }));
    expect((await publishBatch(provider, many)).status).toBe(413);
    expect(
      (
        await ask(provider.key, 'POST', '/v1/events', '<a/>', {
          'content-type': 'application/cloudevents+xml',
        })
      ).status,
    ).toBe(415);
    expect((await ask(undefined, 'POST', '/v1/events', eventOf(dataset.type, { co2: 1 }), type)).status).toBe(
      401,
    );
    expect(
      (
        await publish(
          { ...provider, key: `${provider.key.slice(0, -1)}_` },
          eventOf(dataset.type, { co2: 1 }),
        )
      ).status,
    ).toBe(401);
    expect((await publish(consumer, eventOf(dataset.type, { co2: 1 }))).status).toBe(403);
  });

  it('answers 422 to a batch of which all are refused, and 202 to an empty one', async () => {
    expect((await publishBatch(provider, [eventOf(dataset.type, {}), eventOf('no', {})])).status).toBe(422);
    const empty = await publishBatch(provider, []);
    expect(empty).toMatchObject({ status: 202, body: { accepted: 0, results: [] } });
  });
});

describe('a filter', () => {
  it('lets pass what matches, and only that', async () => {
    const { hook } = await webhook({ filter: { data: { co2: [{ numeric: ['>', 1000] }] } } });
    await publishBatch(
      provider,
      [999, 1000, 1000.5, 2000].map((co2) => eventOf(dataset.type, { co2 })),
    );
    await hook.until(2);
    const last = eventOf(dataset.type, { co2: 3000 });
    await published(provider, last);
    await hook.until(3);
    expect(hook.received.map(({ body }) => JSON.parse(body).data.co2).sort()).toEqual([1000.5, 2000, 3000]);
  });

  it('is refused where EventBridge would refuse it, with its path', async () => {
    const contract = await agree(consumer, dataset.id);
    const filter = { data: { co2: [{ numeric: ['!', 3] }] } };
    const answer = await ask(consumer.key, 'POST', '/v1/subscriptions', {
      contract,
      filter,
      destination: { kind: 'pull' },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toMatch(/^\/filter\/data\/co2/);
  });
});
