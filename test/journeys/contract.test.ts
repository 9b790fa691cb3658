import { describe, expect, it } from 'vitest';
import {
  admit,
  agree,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  type Party,
  pause,
  publish,
  published,
  receiver,
  share,
  subscribe,
  verified,
} from './world.ts';

const provider = await admit('atmo', ['provider']);

describe('minimisation', () => {
  const offer = {
    purposes: ['research'],
    approval: 'automatic',
    minimisation: [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' }],
  };

  it('takes away before signing what the contract drops, and names the clause', async () => {
    const dataset = await share(provider, { offer });
    const lab = await admit('lab', ['consumer']);
    const hook = await receiver();
    const { id, secret } = await subscribe(lab, await agree(lab, dataset.id), {
      kind: 'webhook',
      url: hook.url,
    });
    await published(provider, eventOf(dataset.type, { co2: 800, teacher: 'Mme Martin' }));
    const [request] = await hook.until(1);
    expect(verified(secret, request!)).toMatchObject({ data: { co2: 800 } });
    expect(request!.body).not.toContain('Martin');
    const { body } = await must(200, lab.key, 'GET', `/v1/subscriptions/${id}/deliveries`);
    expect(body.items[0]).toMatchObject({ verdict: 'redact', clause: 'minimisation.no-teacher' });
    expect(JSON.stringify(body)).not.toContain('Martin');
  });

  it.each([
    ['at', { data: { teacher: ['Mme Martin'] } }],
    ['above', { data: { teacher: { name: [{ exists: true }] } } }],
  ])('refuses a filter %s a field that the contract hides', async (_, filter) => {
    const dataset = await share(provider, { offer });
    const lab = await admit('lab', ['consumer']);
    const contract = await agree(lab, dataset.id);
    const answer = await ask(lab.key, 'POST', '/v1/subscriptions', {
      contract,
      filter,
      destination: { kind: 'pull' },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]).toMatchObject({
      path: expect.stringMatching(/^\/filter/),
      message: expect.stringContaining('no-teacher'),
    });
  });
});

/** What stops a delivery, and by whom. */
const stops = {
  'the provider terminates the contract': (party: Parties) =>
    must(200, provider.key, 'POST', `/v1/contracts/${party.contract}/terminate`, { reason: 'misuse' }),
  'the consumer suspends the contract': (party: Parties) =>
    must(200, party.consumer.key, 'POST', `/v1/contracts/${party.contract}/suspend`, { reason: 'pause' }),
  'the operator suspends the consumer': (party: Parties) =>
    must(200, mesh.keys.operator, 'PATCH', `/v1/participants/${party.consumer.id}`, { status: 'suspended' }),
};
interface Parties {
  consumer: Party;
  contract: string;
}

describe('the gate', () => {
  it.each(Object.entries(stops))('closes within 5 s when %s, while retries are pending', async (_, stop) => {
    const dataset = await share(provider);
    const consumer = await admit('app', ['consumer']);
    const contract = await agree(consumer, dataset.id);
    const hook = await receiver(() => 500);
    const { id } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url });
    await published(provider, eventOf(dataset.type, { co2: 800 }));
    await hook.until(1);
    await stop({ consumer, contract });
    const closed = Date.now() + 5000;
    // Something new comes too, after the stop.
    await published(provider, eventOf(dataset.type, { co2: 801 }));
    await eventually(async () => {
      if (_.includes('consumer') && _.includes('operator')) await pause(6000);
      else {
        const { body } = await must(
          200,
          consumer.key,
          'GET',
          `/v1/subscriptions/${id}/deliveries?status=withheld`,
        );
        expect(body.items.length).toBe(2);
        for (const item of body.items) expect(item.clause).toMatch(/^contract\.state=/);
      }
    });
    await pause(Math.max(0, closed + 3000 - Date.now()));
    expect(hook.received.filter(({ at }) => at > closed)).toEqual([]);
  });

  it('lets nothing in or out of a suspended participant, and a revoked key do nothing', async () => {
    const own = await admit('provider', ['provider', 'consumer']);
    const dataset = await share(own);
    const { body: second } = await must(201, own.key, 'POST', `/v1/participants/${own.id}/keys`, {
      label: 'second',
    });
    expect((await publish({ ...own, key: second.key }, eventOf(dataset.type, { co2: 1 }))).status).toBe(202);
    await must(
      204,
      own.key,
      'DELETE',
      `/v1/participants/${own.id}/keys/${second.item?.id ?? second.apiKey?.id ?? second.id}`,
    );
    await eventually(
      async () =>
        expect((await publish({ ...own, key: second.key }, eventOf(dataset.type, { co2: 1 }))).status).toBe(
          401,
        ),
      5000,
    );
    await must(200, mesh.keys.operator, 'PATCH', `/v1/participants/${own.id}`, { status: 'suspended' });
    await eventually(
      async () => expect((await publish(own, eventOf(dataset.type, { co2: 1 }))).status).toBe(403),
      5000,
    );
    expect((await ask(own.key, 'GET', '/v1/contracts')).status).toBe(403);
  });
});

describe('approval by the provider', () => {
  it('delivers nothing before, and goes through its states', async () => {
    const offer = { purposes: ['research'], minimisation: [], approval: 'provider' };
    const dataset = await share(provider, { offer });
    const lab = await admit('lab', ['consumer']);
    const { body: requested } = await must(201, lab.key, 'POST', '/v1/contracts', {
      dataset: dataset.id,
      purpose: 'research',
    });
    expect(requested.state).toBe('requested');
    expect(
      (
        await ask(lab.key, 'POST', '/v1/subscriptions', {
          contract: requested.id,
          destination: { kind: 'pull' },
        })
      ).status,
    ).toBe(409);
    expect(
      (await ask(lab.key, 'POST', `/v1/contracts/${requested.id}/accept`, { digest: requested.digest }))
        .status,
    ).toBe(409);
    const wrong = await ask(provider.key, 'POST', `/v1/contracts/${requested.id}/accept`, {
      digest: '0'.repeat(64),
    });
    expect(wrong.status).toBe(409);
    const { body: active } = await must(200, provider.key, 'POST', `/v1/contracts/${requested.id}/accept`, {
      digest: requested.digest,
    });
    expect(active.state).toBe('active');
    expect(active.history.map(({ to }: { to: string }) => to)).toEqual(['requested', 'agreed', 'active']);
  });
});
