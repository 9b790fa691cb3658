import { describe, expect, it } from 'vitest';
import { tickIn } from './clock.ts';
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
  publishBatch,
  receiver,
  share,
  subscribe,
} from './world.ts';

const offerOf = (events: number) => ({
  purposes: ['research'],
  minimisation: [],
  approval: 'automatic',
  quota: { events, per: 'P1D' },
  price: { amount: 0.02, currency: 'EUR', per: 'event' },
});
const usage = async (party: Party, contract: string) =>
  (await must(200, party.key, 'GET', `/v1/usage?contract=${contract}&by=day`)).body;
const withheld = async (party: Party, subscription: string) =>
  (await must(200, party.key, 'GET', `/v1/subscriptions/${subscription}/deliveries?status=withheld`)).body
    .items;

const sourceOf = ({ id }: Party): string => `//${mesh.territory}/${id}`;
const idOf = (delivery: { event: { id: string } }): string => delivery.event.id;

describe('the lab’s quota', () => {
  it('ends on Friday: two events wait for Saturday, both parties see the same, and what waits comes once it opens', async () => {
    const provider = await admit('atmo', ['provider']);
    const lab = await admit('lab', ['consumer']);
    const other = await admit('other', ['provider', 'consumer']);
    const dataset = await share(provider, { offer: offerOf(5) });
    const contract = await agree(lab, dataset.id, { terms: { quota: { events: 3, per: 'P1D' } } });
    const hook = await receiver();
    const { id } = await subscribe(lab, contract, { kind: 'webhook', url: hook.url });
    const events = [1, 2, 3, 4, 5].map((n) => eventOf(dataset.type, { co2: 400, n }));
    expect((await publishBatch(provider, events)).status).toBe(202);

    const held = await eventually(async () => {
      const items = await withheld(lab, id);
      expect(items).toHaveLength(2);
      return items;
    });
    await hook.until(3);
    // By no other way is there more: not by reading the history.
    const more = await ask(lab.key, 'GET', `/v1/datasets/${dataset.id}/events`);
    expect([more.status, more.body.detail]).toEqual([429, expect.stringContaining('quota.P1D')]);
    expect(Number(more.headers.get('retry-after'))).toBeGreaterThan(0);
    const why = new URLSearchParams({ source: sourceOf(provider), id: idOf(held[0]), subscription: id });
    for (const party of [lab, provider]) {
      const { body } = await must(200, party.key, 'GET', `/v1/explain?${why}`);
      expect(body).toMatchObject({ outcome: 'withheld', decidedBy: { clause: 'quota.P1D' } });
    }
    const tomorrow = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T00:00:00.000Z`;
    for (const one of held) expect(one).toMatchObject({ clause: 'quota.P1D', dueAt: tomorrow });

    const seen = await eventually(async () => {
      const figures = await usage(lab, contract);
      expect(figures.items).toMatchObject([{ events: 3, price: { amount: 0.06, currency: 'EUR' } }]);
      return figures;
    });
    const bytes = hook.received.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
    expect(seen.items[0].bytes).toBe(bytes);
    expect(await usage(provider, contract)).toEqual(seen);
    expect((await ask(other.key, 'GET', `/v1/usage?contract=${contract}`)).status).toBe(404);

    // The clock folds what was tallied into the day's total, and lets go again what is due: nothing is counted twice,
    // and what the quota of this day still withholds stays.
    const report = await tickIn(86_400_000);
    expect(report['talliesFolded']).toBeGreaterThan(0);
    expect(report['released']).toBeGreaterThanOrEqual(2);
    expect((await usage(provider, contract)).items).toEqual(seen.items);
    await pause(2_000);
    expect(await withheld(lab, id)).toHaveLength(2);
    expect(hook.received).toHaveLength(3);

    const month = new Date().toISOString().slice(0, 7);
    const path = `/v1/usage/statement?contract=${contract}&month=${month}`;
    const { body: statement } = await must(200, provider.key, 'GET', path);
    expect(statement).toMatchObject({ month, final: false, total: { events: 3, bytes } });
    const csv = await must(200, lab.key, 'GET', path, undefined, { accept: 'text/csv' });
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.body).toContain(`${month},3,${bytes},0.06,EUR\r\n`);
    expect((await ask(other.key, 'GET', path)).status).toBe(404);

    // The agency gives the lab more for today: the quota opens again, and what was kept arrives, once.
    const { body: revised } = await must(200, provider.key, 'POST', `/v1/contracts/${contract}/offer`, {
      terms: { quota: { events: 5, per: 'P1D' } },
    });
    const { digest } = revised.proposed;
    await must(200, lab.key, 'POST', `/v1/contracts/${contract}/accept`, { digest });
    const since = new Date(Date.now() - 3_600_000).toISOString();
    await eventually(async () => {
      await must(200, lab.key, 'POST', `/v1/subscriptions/${id}/recover`, { since });
      expect(await withheld(lab, id)).toEqual([]);
    });
    const came = (await hook.until(5)).map(({ body }) => JSON.parse(body) as { id: string; data: object });
    expect(came.map(({ id: of }) => of).sort()).toEqual(events.map(({ id: of }) => of).sort());
    const after = await eventually(async () => {
      const figures = await usage(lab, contract);
      expect(figures.items).toMatchObject([{ events: 5, price: { amount: 0.1, currency: 'EUR' } }]);
      return figures;
    });
    expect(await usage(provider, contract)).toEqual(after);
  });

  it('counts what is pulled when it is first received, however often it comes again', async () => {
    const provider = await admit('atmo', ['provider']);
    const lab = await admit('lab', ['consumer']);
    const dataset = await share(provider, { offer: offerOf(2) });
    const contract = await agree(lab, dataset.id);
    const { id } = await subscribe(lab, contract, { kind: 'pull' });
    const pull = async (action: string, body: object) =>
      (await must(200, lab.key, 'POST', `/v1/subscriptions/${id}/messages/${action}`, body)).body;
    await publishBatch(
      provider,
      [1, 2, 3].map((n) => eventOf(dataset.type, { co2: 400, n })),
    );

    // By event, with its latest lease: on a slow engine one may end meanwhile.
    const leases = new Map<string, string>();
    const receive = async () => {
      const { messages } = await pull('receive', { max: 10, waitSeconds: 1 });
      for (const { lease, event } of messages) leases.set(event.id, lease);
    };
    await eventually(async () => {
      await receive();
      expect(await withheld(lab, id)).toHaveLength(1);
      expect(leases.size).toBe(2);
    });
    await pull('release', { leases: [...leases.values()] });
    leases.clear();
    await eventually(async () => {
      await receive();
      expect(leases.size).toBe(2);
    });
    await pull('ack', { leases: [...leases.values()] });
    await eventually(async () => {
      const { items } = await usage(provider, contract);
      expect(items).toMatchObject([{ events: 2, price: { amount: 0.04, currency: 'EUR' } }]);
    });
  });
});
