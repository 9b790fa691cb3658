import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import {
  admit,
  agree,
  type Answer,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  type Party,
  published,
  receiver,
  share,
  subscribe,
  unique,
} from './world.ts';

const provider = await admit('atmo', ['provider']);
const lab = await admit('lab', ['consumer']);

const source = (): string => `//${mesh.territory}/${provider.id}`;
const explain = (party: Party, subscription: string, id: string): Promise<Answer> =>
  must(200, party.key, 'GET', `/v1/explain?${new URLSearchParams({ source: source(), id, subscription })}`);

describe('why, and why not', () => {
  it('tells in less than a second the clause that delivered, or the filter key with the value that missed', async () => {
    const dataset = await share(provider);
    const hook = await receiver();
    const filter = { data: { co2: [{ numeric: ['>', 1000] }] } };
    const { id } = await subscribe(
      lab,
      await agree(lab, dataset.id),
      { kind: 'webhook', url: hook.url },
      { filter },
    );
    const [high, low] = [eventOf(dataset.type, { co2: 1500 }), eventOf(dataset.type, { co2: 640 })];
    for (const event of [low, high]) await published(provider, event);
    await hook.until(1);
    await eventually(async () => {
      expect((await explain(lab, id, high.id)).body).toMatchObject({
        outcome: 'delivered',
        decidedBy: { clause: 'contract.terms' },
      });
    });
    const began = Date.now();
    const { body } = await explain(lab, id, low.id);
    // A second, and as much more as the engine is slower.
    expect(Date.now() - began).toBeLessThan(mesh.patienceMs / 15);
    expect(body).toMatchObject({
      outcome: 'not-matched',
      decidedBy: { step: 'rule', filterKey: '/data/co2', value: 640 },
    });
    expect((await explain(provider, id, low.id)).body).toEqual(body);
    const stranger = await admit('stranger', ['consumer']);
    const query = new URLSearchParams({ source: source(), id: low.id, subscription: id });
    expect((await ask(stranger.key, 'GET', `/v1/explain?${query}`)).status).toBe(404);
  });

  it('finds an event by the pseudonym that was delivered, and shows nothing that the contract hides', async () => {
    const minimisation = [
      { clause: 'who', do: 'pseudonymise', path: '/data/teacher' },
      { clause: 'where', do: 'drop', path: '/data/room' },
    ];
    const dataset = await share(provider, {
      offer: { purposes: ['research'], minimisation, approval: 'automatic' },
    });
    const hook = await receiver();
    const { id } = await subscribe(lab, await agree(lab, dataset.id), { kind: 'webhook', url: hook.url });
    const event = eventOf(dataset.type, { co2: 700, teacher: 'Mme Martin', room: 'B12' });
    await published(provider, event);
    const [request] = await hook.until(1);
    const delivered = JSON.parse(request?.body ?? '');
    expect(delivered.id).not.toBe(event.id);
    await eventually(async () => {
      const told = await explain(lab, id, delivered.id);
      expect(told.body).toMatchObject({
        outcome: 'delivered',
        decidedBy: { clause: 'minimisation.who+where' },
      });
    });
    const { body } = await must(200, lab.key, 'GET', `/v1/subscriptions/${id}/deliveries`);
    expect(body.items[0].event).toMatchObject({ id: delivered.id, sequence: delivered.sequence });
    const texts = [
      request?.body,
      JSON.stringify(body),
      JSON.stringify((await explain(lab, id, delivered.id)).body),
    ];
    for (const hidden of ['Martin', 'B12', event.id]) expect(texts.join()).not.toContain(hidden);
  });

  it('tells its publisher why an event was refused; to the consumer it never was', async () => {
    const dataset = await share(provider);
    const { id } = await subscribe(lab, await agree(lab, dataset.id), { kind: 'pull' });
    const bad = unique('bad');
    const { body: me } = await must(200, provider.key, 'GET', '/v1/me');
    const bus = me.participant?.ingressBus ?? me.ingressBus;
    const Detail = JSON.stringify({ ...eventOf(dataset.type, { co2: 'much' }), id: bad });
    const Entries = [{ EventBusName: bus, Source: 'sensors', DetailType: dataset.type, Detail }];
    await new EventBridgeClient(mesh.engine).send(new PutEventsCommand({ Entries }));
    await eventually(async () => {
      const { body } = await explain(provider, id, bad);
      expect(body).toMatchObject({ outcome: 'rejected', decidedBy: { step: 'publish' } });
      expect(JSON.stringify(body.errors)).toContain('/data/co2');
    });
    const never = await explain(lab, id, unique('never'));
    expect((await explain(lab, id, bad)).body).toEqual(never.body);
    expect(never.body.outcome).toBe('unknown');
  });
});
