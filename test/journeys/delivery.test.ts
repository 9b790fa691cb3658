import {
  DeleteRuleCommand,
  EventBridgeClient,
  ListTargetsByRuleCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import { tickIn } from './clock.ts';
import {
  agree,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  pair,
  pause,
  published,
  receiver,
  subscribe,
  verified,
} from './world.ts';

const { provider, consumer, dataset } = await pair();
const buses = new EventBridgeClient(mesh.engine);

/** Takes the target away from a rule, behind the mesh's back. */
async function withoutTarget(id: string): Promise<void> {
  const rule = { Rule: id, EventBusName: `maille-${mesh.territory}` };
  const { Targets = [] } = await buses.send(new ListTargetsByRuleCommand(rule));
  await buses.send(new RemoveTargetsCommand({ ...rule, Ids: Targets.map(({ Id }) => Id ?? '') }));
}

async function webhook(answer?: (nth: number) => number) {
  const hook = await receiver(answer);
  const contract = await agree(consumer, dataset.id);
  return { hook, ...(await subscribe(consumer, contract, { kind: 'webhook', url: hook.url })) };
}

const deliveries = async (id: string, query = '') =>
  (await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}/deliveries${query}`)).body.items;

describe('a receiver', () => {
  it('that fails six times and then accepts gets the event, under one webhook-id', async () => {
    const { hook, id, secret } = await webhook((nth) => (nth <= 6 ? 503 : 200));
    await published(provider, eventOf(dataset.type, { co2: 640 }));
    await hook.until(7, mesh.patienceMs + 20_000);
    expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const request of hook.received)
      expect(verified(secret, request)).toMatchObject({ data: { co2: 640 } });
    await eventually(async () =>
      expect(await deliveries(id)).toMatchObject([{ status: 'delivered', attemptCount: 7 }]),
    );
  });

  it('that never accepts has the delivery parked, visible and sent again on request', async () => {
    let well = false;
    const { hook, id } = await webhook(() => (well ? 200 : 500));
    await published(provider, eventOf(dataset.type, { co2: 641 }));
    await hook.until(8, mesh.patienceMs + 25_000);
    const [parked] = await eventually(async () => {
      const items = await deliveries(id, '?status=parked');
      expect(items).toHaveLength(1);
      return items;
    });
    expect(parked).toMatchObject({
      attemptCount: 8,
      attempts: expect.arrayContaining([expect.objectContaining({ status: 500 })]),
    });
    expect((await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}`)).body.status).toBe('failing');
    well = true;
    const retry = await ask(consumer.key, 'POST', `/v1/deliveries/${parked.id}/retry`);
    expect(retry.status).toBeLessThan(300);
    await hook.until(9);
    expect(hook.received[8]!.headers['webhook-id']).toBe(parked.id);
    await eventually(async () =>
      expect((await must(200, consumer.key, 'GET', `/v1/deliveries/${parked.id}`)).body.status).toBe(
        'delivered',
      ),
    );
    await eventually(async () =>
      expect((await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}`)).body.status).not.toBe(
        'failing',
      ),
    );
  });

  it('that says 410 ends its subscription', async () => {
    const { hook, id } = await webhook(() => 410);
    await published(provider, eventOf(dataset.type, { co2: 642 }));
    await hook.until(1);
    await eventually(async () =>
      expect((await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}`)).body.status).toBe('ended'),
    );
    // What a function knows of the registry may be a second old in this territory.
    await pause(1100);
    await published(provider, eventOf(dataset.type, { co2: 643 }));
    await pause(1500);
    expect(hook.received).toHaveLength(1);
  });

  it('that redirects is not followed', async () => {
    const { hook } = await webhook((nth) => (nth === 1 ? 302 : 204));
    await published(provider, eventOf(dataset.type, { co2: 644 }));
    await hook.until(2);
    expect(hook.received).toHaveLength(2);
  });
});

describe('a new subscription', () => {
  it('gets an event published in the same second once, and is active when its rule has settled', async () => {
    const before = eventOf(dataset.type, { co2: 700 });
    await published(provider, before);
    const { hook, id } = await webhook();
    const during = eventOf(dataset.type, { co2: 701 });
    await published(provider, during);
    await hook.until(1);
    await tickIn(3_600_000);
    expect((await must(200, consumer.key, 'GET', `/v1/subscriptions/${id}`)).body.status).toBe('active');
    await pause(2000);
    expect(hook.received.map(({ body }) => JSON.parse(body).id)).toEqual([during.id]);
  });

  it('gets what its rule missed, routed again from the ledger', async () => {
    const { hook, id } = await webhook();
    // As on AWS, where a new rule may not match at once.
    await withoutTarget(id);
    const missed = eventOf(dataset.type, { co2: 702 });
    await published(provider, missed);
    await pause(2000);
    expect(hook.received).toHaveLength(0);
    await tickIn(3_600_000);
    await hook.until(1);
    expect(JSON.parse(hook.received[0]!.body).id).toBe(missed.id);
  });

  it('has its rule made again when somebody removes it', async () => {
    const { hook, id } = await webhook();
    await withoutTarget(id);
    await buses.send(new DeleteRuleCommand({ Name: id, EventBusName: `maille-${mesh.territory}` }));
    await tickIn(0);
    await published(provider, eventOf(dataset.type, { co2: 703 }));
    await hook.until(1);
  });
});
