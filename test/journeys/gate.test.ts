import { describe, expect, it } from 'vitest';
import {
  admit,
  agree,
  ask,
  eventOf,
  eventually,
  must,
  pause,
  publish,
  publishBatch,
  receiver,
  share,
  subscribe,
  verified,
} from './world.ts';

const provider = await admit('atmo', ['provider']);

const terminate = (contract: string) =>
  must(200, provider.key, 'POST', `/v1/contracts/${contract}/terminate`, { reason: 'over' });

/** A dataset with so many events, and a consumer under contract. */
async function sharing(count: number, more: Record<string, unknown> = {}) {
  const dataset = await share(provider, more);
  const consumer = await admit('app', ['consumer']);
  const contract = await agree(consumer, dataset.id);
  const events = Array.from({ length: count }, (_, n) =>
    eventOf(dataset.type, { co2: 400 + n, teacher: 'Mme Martin' }),
  );
  if (count > 0) expect((await publishBatch(provider, events)).body).toMatchObject({ accepted: count });
  const history = `/v1/datasets/${dataset.id}/events`;
  const all = () =>
    eventually(async () => {
      const { body } = await must(200, consumer.key, 'GET', `${history}?limit=200`);
      expect(body.items).toHaveLength(count);
      return body.items as Record<string, unknown>[];
    });
  return { dataset, consumer, contract, events, history, all };
}

const offer = {
  purposes: ['research'],
  approval: 'automatic',
  minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }],
};

describe('history', () => {
  it('is read in pages, minimised as signed, and no longer once the contract has ended', async () => {
    const { consumer, contract, events, history, all } = await sharing(5, { offer });
    await all();
    const seen: { id: string; data: object; dataschema: string }[] = [];
    let next = '';
    do {
      const page = `${history}?limit=2${next === '' ? '' : `&cursor=${next}`}`;
      const { body } = await must(200, consumer.key, 'GET', page);
      seen.push(...body.items);
      next = body.next ?? '';
    } while (next !== '');
    expect(seen.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    expect(JSON.stringify(seen)).not.toContain('Martin');
    // The link to the schema leads there.
    const schema = await fetch(seen[0]?.dataschema ?? '');
    expect([schema.status, await schema.json()]).toMatchObject([200, { version: 1 }]);
    await terminate(contract);
    expect((await ask(consumer.key, 'GET', history)).status).toBeOneOf([403, 409]);
    expect((await ask(undefined, 'GET', history)).status).toBeOneOf([401, 403]);
  });

  it('of open data is read by everybody', async () => {
    const { history, all } = await sharing(2, { access: 'open', offer });
    await all();
    const { status, body } = await ask(undefined, 'GET', history);
    expect([status, body.items.length]).toEqual([200, 2]);
    expect(JSON.stringify(body)).not.toContain('Martin');
  });
});

describe('a replay', () => {
  it('sends history again, marked, under new ids', async () => {
    const { consumer, contract, all } = await sharing(3, { offer });
    await all();
    const hook = await receiver();
    const { id, secret } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url });
    const span = { from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date().toISOString() };
    const { body: replay } = await must(201, consumer.key, 'POST', `/v1/subscriptions/${id}/replay`, span);
    const came = await hook.until(3);
    const events = came.map((one) => verified(secret, one) as Record<string, unknown>);
    expect(events.map(({ maillereplay }) => maillereplay)).toEqual([replay.id, replay.id, replay.id]);
    expect(new Set(came.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
    expect(JSON.stringify(events)).not.toContain('Martin');
    await eventually(async () => {
      const { body } = await must(200, consumer.key, 'GET', `/v1/replays/${replay.id}`);
      expect(body).toMatchObject({ status: 'done', seen: 3, sent: 3 });
      expect(body).not.toHaveProperty('reached');
    });
  });

  it('stops within 5 s of the contract, and of being cancelled', async () => {
    for (const how of ['terminate', 'cancel']) {
      const { consumer, contract, all } = await sharing(60);
      await all();
      // Each answer is a failure: what is retried is under the gate too.
      const hook = await receiver(() => 500);
      const { id } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url });
      const span = { from: new Date(Date.now() - 3_600_000).toISOString(), to: new Date().toISOString() };
      const { body } = await must(201, consumer.key, 'POST', `/v1/subscriptions/${id}/replay`, span);
      await hook.until(5);
      if (how === 'terminate') await terminate(contract);
      else await must(204, consumer.key, 'DELETE', `/v1/replays/${body.id}`);
      const closed = Date.now() + 5000;
      await pause(9000);
      expect(hook.received.filter(({ at }) => at > closed)).toEqual([]);
      const after = await must(
        200,
        consumer.key,
        'GET',
        `/v1/subscriptions/${id}/deliveries?status=withheld`,
      );
      const clause = how === 'terminate' ? 'contract.state=terminated' : 'replay.status=cancelled';
      for (const item of after.body.items) expect(item).toMatchObject({ clause, replay: body.id });
      expect(after.body.items.length).toBeGreaterThan(0);
    }
  });
});

describe('large data', () => {
  const large = 'x'.repeat(200_000);
  const room = { co2: 1200, room: large, teacher: 'Mme Martin' };

  it('comes as a link that is judged on each visit, with a minimised copy behind it', async () => {
    const { dataset, consumer, contract } = await sharing(0, { offer });
    const hook = await receiver();
    const filter = { data: { co2: [{ numeric: ['>', 1000] }] } };
    const { secret } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url }, { filter });
    expect((await publish(provider, eventOf(dataset.type, { ...room, co2: 400 }))).status).toBe(202);
    expect((await publish(provider, eventOf(dataset.type, room))).status).toBe(202);
    const [request] = await hook.until(1);
    const told = request && (verified(secret, request) as { dataref: string });
    expect(told).not.toHaveProperty('data');
    const visit = (key?: string) =>
      fetch(told?.dataref ?? '', {
        redirect: 'manual',
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      });
    const answer = await visit(consumer.key);
    expect(answer.status).toBe(303);
    const data = await fetch(answer.headers.get('location') ?? '');
    expect(await data.json()).toEqual({ co2: 1200, room: large });
    expect((await visit()).status).toBe(401);
    expect((await visit(provider.key)).status).toBeOneOf([303, 404]);
    await terminate(contract);
    expect((await visit(consumer.key)).status).toBeOneOf([403, 409]);
    await pause(2000);
    expect(hook.received).toHaveLength(1);
  });
});

describe('a schema', () => {
  it('grows at once, and breaks only with notice; a dry run asks the real events', async () => {
    const { dataset, consumer, all } = await sharing(3);
    await all();
    const path = `/v1/datasets/${dataset.id}/types/${dataset.type}/schema`;
    const { body: first } = await must(200, consumer.key, 'GET', path);
    const wider = {
      ...first.schema,
      properties: { ...first.schema.properties, humidity: { type: 'number' } },
    };
    const narrower = { ...wider, required: ['co2', 'room'] };
    const grown = await must(200, provider.key, 'PUT', path, wider);
    expect(grown.body).toMatchObject({ status: 'in-force', version: 2 });
    const refused = await ask(provider.key, 'PUT', `${path}?dryRun=true`, narrower);
    expect([refused.status, refused.body]).toMatchObject([
      409,
      {
        errors: [{ path: '/required/1' }],
        contracts: [{ consumer: consumer.id, noticeDays: 30 }],
        rehearsal: { events: 3, failing: 3 },
      },
    ]);
    const day = new Date(Date.now() + 31 * 86_400_000).toISOString();
    const planned = await must(202, provider.key, 'PUT', `${path}?effective=${day}`, narrower);
    expect(planned.body).toMatchObject({ status: 'planned', effective: day });
    await eventually(async () => {
      const { body } = await must(200, consumer.key, 'GET', '/v1/notices');
      expect(body.items.map(({ type }: { type: string }) => type)).toContain('maille.schema.planned.v1');
    });
    expect((await must(200, consumer.key, 'GET', path)).body).toMatchObject({
      version: 2,
      planned: { effective: day },
    });
    // What the doors know of a schema may be as old as the territory's freshness.
    await eventually(async () => {
      const wide = eventOf(dataset.type, { co2: 1, humidity: 40 });
      expect((await publish(provider, wide)).status).toBe(202);
    });
    await must(204, provider.key, 'DELETE', path);
    expect((await must(200, consumer.key, 'GET', path)).body).not.toHaveProperty('planned');
  });
});
