import { describe, expect, it } from 'vitest';
import { tickIn } from './clock.ts';
import {
  admit,
  type Answer,
  ask,
  eventOf,
  eventually,
  mesh,
  must,
  type Party,
  publishBatch,
  type Received,
  receiver,
  share,
  subscribe,
  unique,
  verified,
} from './world.ts';

const DELAY_MS = 3000;
/** A wait that the queue keeps, long enough that it is seen on a slow engine too. */
const SHORT_WAIT_SECONDS = Math.ceil(mesh.patienceMs / 2000);
/** Longer than a new rule is given to settle. */
const SETTLED_MS = 2000;
const GRID_METRES = 500;
/** Metres of one degree of latitude, as web maps reckon. */
const METRES_PER_DEGREE = 111_319.49;

/** Where vehicles stand: before the town hall, some steps from there, and near the Place de la Nation. */
const PLACES = [
  [2.352222, 48.856614],
  [2.352391, 48.856573],
  [2.395916, 48.848438],
] as const;

const SCHEMA = {
  type: 'object',
  required: ['vehicle_id', 'position'],
  properties: {
    vehicle_id: { type: 'string' },
    position: {
      type: 'object',
      required: ['type', 'coordinates'],
      properties: {
        type: { const: 'Point' },
        coordinates: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
      },
    },
    is_reserved: { type: 'boolean' },
    current_range_meters: { type: 'number' },
  },
};

const clausesFor = (delay: string) => [
  { clause: 'later', do: 'delay', by: delay },
  { clause: 'grid', do: 'round', path: '/data/position', to: GRID_METRES },
  { clause: 'who', do: 'pseudonymise', path: '/data/vehicle_id', rotate: 'P1D' },
];

/** A vehicle as one consumer meets it. */
interface Seen {
  id: string;
  subject: string;
  sequence: string;
  data: { vehicle_id: string; position: { coordinates: [number, number] }; is_reserved: boolean };
}

const operator = await admit('free-floating', ['provider']);
const paris = await admit('paris', ['consumer']);

/** Positions that nobody has to share: only those who are named see that there are any, and only a contract gets them. */
const fleet = (visibleTo: Party[], delay = 'PT3S') =>
  share(
    operator,
    {
      title: 'Vehicles in free floating',
      theme: 'mobility',
      access: 'restricted',
      visibleTo: visibleTo.map(({ id }) => id),
      offer: { purposes: ['public-space'], minimisation: clausesFor(delay), approval: 'provider' },
    },
    SCHEMA,
  );

/** Asks for the positions, and the operator of the vehicles agrees. */
async function agreedWith(consumer: Party, dataset: string): Promise<string> {
  const { body: asked } = await must(201, consumer.key, 'POST', '/v1/contracts', {
    dataset,
    purpose: 'public-space',
  });
  expect(asked).toMatchObject({
    state: 'requested',
    terms: { minimisation: clausesFor(asked.terms.minimisation[0].by) },
  });
  const path = `/v1/contracts/${asked.id}/accept`;
  const { body } = await must(200, operator.key, 'POST', path, { digest: asked.digest });
  expect(body.state).toBe('active');
  return asked.id;
}

/** One look at the whole fleet: all vehicles at the same time, so that the time tells none from another. */
function snapshot(type: string) {
  const time = new Date().toISOString();
  return PLACES.map((coordinates, n) => {
    const vehicle = unique('trottinette');
    const data = {
      vehicle_id: vehicle,
      position: { type: 'Point', coordinates },
      is_reserved: n === 1,
      current_range_meters: 12_000,
    };
    return eventOf(type, data, { time, subject: `vehicles/${vehicle}` });
  });
}
type Look = ReturnType<typeof snapshot>;

/** What nobody outside may meet of these events. */
const secretsOf = (events: Look): string[] =>
  events.flatMap(({ id, data }) => {
    const { vehicle_id, position } = data as { vehicle_id: string; position: { coordinates: number[] } };
    return [id, vehicle_id, ...position.coordinates.map(String)];
  });

/** Insists that a place is a corner of the grid, and the one nearest to where the vehicle stands. */
function isOnGrid([longitude, latitude]: [number, number]): void {
  const row = (latitude * METRES_PER_DEGREE) / GRID_METRES;
  const column = (longitude * METRES_PER_DEGREE * Math.cos((latitude * Math.PI) / 180)) / GRID_METRES;
  for (const line of [row, column]) expect(line).toBeCloseTo(Math.round(line), 2);
  const away = PLACES.map(([east, north]) =>
    Math.hypot((longitude - east) * Math.cos((latitude * Math.PI) / 180), latitude - north),
  );
  expect(Math.min(...away) * METRES_PER_DEGREE).toBeLessThan(GRID_METRES * Math.SQRT1_2 + 1);
}

const bodyOf = (secret: string, request: Received): Seen => verified(secret, request) as Seen;
const explain = (party: Party, subscription: string, id: string): Promise<Answer> => {
  const query = new URLSearchParams({ source: `//${mesh.territory}/${operator.id}`, id, subscription });
  return must(200, party.key, 'GET', `/v1/explain?${query}`);
};
const publishedAll = async (events: Look): Promise<number> => {
  const began = Date.now();
  expect((await publishBatch(operator, events)).body).toMatchObject({ accepted: events.length });
  return began;
};
const deliveriesOf = async (party: Party, subscription: string): Promise<Answer> =>
  must(200, party.key, 'GET', `/v1/subscriptions/${subscription}/deliveries`);

/** Each delivery once: it may come twice, under the same id. */
const once = (requests: Received[]): Received[] => [
  ...new Map(requests.map((request) => [request.headers['webhook-id'], request])).values(),
];

describe('Paris asks an operator of free-floating vehicles for their positions', () => {
  it('and meets them late, on a grid and under other names, wherever it looks', async () => {
    const dataset = await fleet([paris]);
    const contract = await agreedWith(paris, dataset.id);
    const hook = await receiver();
    const pushed = await subscribe(paris, contract, { kind: 'webhook', url: hook.url });
    const pulled = await subscribe(paris, contract, { kind: 'pull' });
    const events = snapshot(dataset.type);
    const began = await publishedAll(events);
    const told: unknown[] = [];

    const came = once(await hook.until(events.length));
    for (const { at } of came) expect(at - began).toBeGreaterThanOrEqual(DELAY_MS);
    const seen = came.map((request) => bodyOf(pushed.secret, request));
    for (const { data } of seen) isOnGrid(data.position.coordinates);
    told.push(came);
    // Two vehicles in one cell stand at one place; the third is elsewhere.
    expect(new Set(seen.map(({ data }) => data.position.coordinates.join())).size).toBe(2);
    expect(new Set(seen.map(({ data }) => data.vehicle_id)).size).toBe(3);

    const leased = new Map<string, Seen>();
    await eventually(async () => {
      const path = `/v1/subscriptions/${pulled.id}/messages/receive`;
      const { body } = await must(200, paris.key, 'POST', path, { max: 10, waitSeconds: 1 });
      for (const { event } of body.messages) leased.set(event.id, event);
      expect(leased.size).toBe(events.length);
    });
    const { body: history } = await must(200, paris.key, 'GET', `/v1/datasets/${dataset.id}/events`);
    const byId = (some: Seen[]) => [...some].sort((one, other) => one.id.localeCompare(other.id));
    // However it looks, it meets the same.
    expect(byId([...leased.values()])).toEqual(byId(seen));
    expect(byId(history.items)).toEqual(byId(seen));
    told.push([...leased.values()], history);

    const span = { from: new Date(began - 60_000).toISOString(), to: new Date().toISOString() };
    await must(201, paris.key, 'POST', `/v1/subscriptions/${pushed.id}/replay`, span);
    await eventually(async () => expect(once(hook.received)).toHaveLength(2 * events.length));
    const again = once(hook.received).slice(events.length);
    const replayed = again.map((request) => bodyOf(pushed.secret, request));
    expect(replayed.map(({ data }) => data).sort()).toEqual(
      expect.arrayContaining(seen.map(({ data }) => data)),
    );
    told.push(again);

    const [one] = seen;
    const asked = await explain(paris, pushed.id, one?.id ?? '');
    expect(asked.body).toMatchObject({
      outcome: 'delivered',
      decidedBy: { clause: 'minimisation.grid+who' },
    });
    // Somebody who knows the id that was published does not learn by it which of the deliveries that was.
    const byPublished = await explain(paris, pushed.id, events[0]?.id ?? '');
    expect(byPublished.body).toMatchObject({ outcome: 'delivered' });
    expect(JSON.stringify(byPublished.body)).not.toContain('dlv_');
    const { body: deliveries } = await deliveriesOf(paris, pushed.id);
    const { body: delivery } = await must(200, paris.key, 'GET', `/v1/deliveries/${deliveries.items[0].id}`);
    const { body: notices } = await must(200, paris.key, 'GET', '/v1/notices?limit=200');
    told.push(asked.body, byPublished.body, deliveries, delivery, notices);

    const everything = JSON.stringify(told);
    for (const secret of secretsOf(events)) expect(everything).not.toContain(secret);
    // The looking itself works: who published them finds them so.
    const { body: own } = await must(200, operator.key, 'GET', `/v1/datasets/${dataset.id}/events`);
    for (const secret of secretsOf(events)) expect(JSON.stringify(own)).toContain(secret);
  });

  it('and cannot put side by side what it got and what another consumer got', async () => {
    const lab = await admit('lab', ['consumer']);
    const dataset = await fleet([paris, lab]);
    const got = async (consumer: Party) => {
      const contract = await agreedWith(consumer, dataset.id);
      const hook = await receiver();
      const { id, secret } = await subscribe(consumer, contract, { kind: 'webhook', url: hook.url });
      return async (count: number) => ({
        subscription: id,
        events: (await hook.until(count)).map((request) => bodyOf(secret, request)),
      });
    };
    const [ofParis, ofLab] = [await got(paris), await got(lab)];
    const looks = [snapshot(dataset.type), snapshot(dataset.type)];
    for (const look of looks) await publishedAll(look);
    const [one, other] = [await ofParis(6), await ofLab(6)];

    const namesOf = ({ events }: { events: Seen[] }) =>
      events.flatMap(({ id, subject, sequence, data }) => [id, subject, sequence, data.vehicle_id]);
    expect(new Set(namesOf(one)).size).toBe(24);
    expect(new Set([...namesOf(one), ...namesOf(other)]).size).toBe(48);
    // Nor does the mesh tell the one of the other's: the name in which the other got an event is no event's.
    const asked = await explain(paris, one.subscription, other.events[0]?.id ?? '');
    expect(asked.body).toMatchObject({ outcome: 'unknown' });
    const query = new URLSearchParams({
      source: `//${mesh.territory}/${operator.id}`,
      id: other.events[0]?.id ?? '',
      subscription: other.subscription,
    });
    expect((await ask(paris.key, 'GET', `/v1/explain?${query}`)).status).toBe(404);
  });

  it.each([
    ['a short while', `PT${SHORT_WAIT_SECONDS}S`, (SHORT_WAIT_SECONDS + 1) * 1000],
    ['half an hour', 'PT30M', 31 * 60_000],
  ])('and gets nothing of what waits for %s when the contract ends', async (_, delay, ms) => {
    const dataset = await fleet([paris], delay);
    const contract = await agreedWith(paris, dataset.id);
    const hook = await receiver();
    const { id } = await subscribe(paris, contract, { kind: 'webhook', url: hook.url });
    // Once its rule has settled nothing is routed again: what waits is all there is.
    await eventually(async () => {
      await tickIn(SETTLED_MS);
      expect((await must(200, paris.key, 'GET', `/v1/subscriptions/${id}`)).body.status).toBe('active');
    });
    const events = snapshot(dataset.type);
    await publishedAll(events);
    await eventually(async () => {
      const { body } = await deliveriesOf(paris, id);
      expect(body.items).toHaveLength(events.length);
      for (const item of body.items)
        expect(item).toMatchObject({ status: 'delayed', clause: 'minimisation.later' });
    });
    expect((await must(200, paris.key, 'GET', `/v1/datasets/${dataset.id}/events`)).body.items).toEqual([]);

    const reason = 'used to follow people';
    await must(200, operator.key, 'POST', `/v1/contracts/${contract}/terminate`, { reason });
    await eventually(
      async () => {
        await tickIn(ms);
        const { body } = await deliveriesOf(paris, id);
        for (const item of body.items)
          expect(item).toMatchObject({ status: 'withheld', clause: 'contract.state=terminated' });
      },
      mesh.patienceMs + SHORT_WAIT_SECONDS * 1000,
    );
    expect(hook.received).toEqual([]);
    expect((await explain(paris, id, events[0]?.id ?? '')).body).toMatchObject({
      outcome: 'withheld',
      decidedBy: { clause: 'contract.state=terminated' },
    });
    expect((await ask(paris.key, 'GET', `/v1/datasets/${dataset.id}/events`)).status).toBeOneOf([403, 409]);
  });
});
