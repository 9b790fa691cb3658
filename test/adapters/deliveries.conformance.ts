import { ulid } from 'ulid';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Deliveries, PageRequest } from '../../domain/ports.ts';
import type { Delivery, DeliveryStatus } from '../../schemas/delivery.ts';
import { ProblemError } from '../../schemas/problem.ts';

const NOW = new Date('2026-03-04T12:00:00.000Z');
const MINE = `sub_${ulid(1)}`;
const OTHER = `sub_${ulid(2)}`;
const later = (milliseconds: number): Date => new Date(NOW.getTime() + milliseconds);

/** A delivery of an event of `NOW` plus `order` milliseconds. */
export function deliveryOf(order: number, changes: Partial<Delivery> = {}): Delivery {
  const sequence = ulid(NOW.getTime() + order);
  return {
    id: `dlv_${sequence}`,
    subscription: MINE,
    event: {
      key: `key ${order}`,
      sequence,
      id: `event ${order}`,
      source: '//territory/atmo',
      type: 'air.v1',
    },
    status: 'delivered',
    verdict: 'deliver',
    clause: 'contract',
    attempts: [{ at: NOW.toISOString(), status: 200, latencyMs: 12, answer: 'thanks, é漢\u{1F30D}' }],
    attemptCount: 1,
    createdAt: NOW.toISOString(),
    updatedAt: NOW.toISOString(),
    expires: NOW.getTime() / 1000 + 86_400,
    ...changes,
  };
}

const many = (count: number, make: (index: number) => Delivery): Delivery[] =>
  Array.from({ length: count }, (_, index) => make(index));

async function allDue(deliveries: Deliveries, now: Date): Promise<Delivery[]> {
  const found: Delivery[] = [];
  for await (const page of deliveries.due(now)) found.push(...page);
  return found;
}

async function listed(
  deliveries: Deliveries,
  query: { status?: DeliveryStatus; since?: Date },
  limit: number,
): Promise<Delivery[]> {
  const found: Delivery[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: Delivery[]; next: string | null } = await deliveries.list(MINE, query, {
      limit,
      ...(cursor !== null && { cursor }),
    } satisfies PageRequest);
    expect(page.items.length).toBeLessThanOrEqual(limit);
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

const byId = (a: Delivery, b: Delivery): number => (a.id < b.id ? -1 : 1);

/** What every store of deliveries does; `make` gives an empty one that takes `clock` for the present. */
export function deliveriesConformance(name: string, make: (clock: () => Date) => Promise<Deliveries>): void {
  describe(`${name}: deliveries`, () => {
    let now = NOW;
    let deliveries: Deliveries;
    beforeEach(async () => {
      now = NOW;
      deliveries = await make(() => now);
    });
    keeping(
      () => deliveries,
      (time) => (now = time),
    );
    waiting(() => deliveries);
    listing(
      () => deliveries,
      (time) => (now = time),
    );
  });
}

function keeping(deliveries: () => Deliveries, goTo: (now: Date) => void): void {
  test('are read as they were written, in the order asked, with gaps and repetitions', async () => {
    const written = many(130, (index) =>
      deliveryOf(index, index % 2 ? { dueAt: later(index).toISOString(), status: 'retrying' } : {}),
    );
    await deliveries().write(written);
    const ids = written.map(({ id }) => id).reverse();
    expect(await deliveries().read([...ids, 'dlv_none', ids[0] ?? ''])).toEqual([
      ...[...written].reverse(),
      undefined,
      written.at(-1),
    ]);
    expect(await deliveries().read([])).toEqual([]);
    await deliveries().write([]);
  });

  test('keep the last write, also within one call', async () => {
    const first = deliveryOf(1, { dueAt: later(1000).toISOString(), status: 'retrying' });
    const { dueAt: _due, ...rest } = first;
    const last: Delivery = { ...rest, status: 'delivered', attemptCount: 2 };
    await deliveries().write([first]);
    await deliveries().write([{ ...first, status: 'parked' }, last]);
    expect(await deliveries().read([first.id])).toEqual([last]);
    expect(await allDue(deliveries(), later(10_000))).toEqual([]);
  });

  test('are hidden when they have expired', async () => {
    const short = deliveryOf(1, { expires: NOW.getTime() / 1000 + 60, dueAt: NOW.toISOString() });
    await deliveries().write([short]);
    goTo(later(59_999));
    expect(await deliveries().read([short.id])).toEqual([short]);
    goTo(later(60_000));
    expect(await deliveries().read([short.id])).toEqual([undefined]);
    expect((await deliveries().list(MINE, {}, { limit: 10 })).items).toEqual([]);
  });
}

function waiting(deliveries: () => Deliveries): void {
  test('for an endpoint are found behind those that have expired and are not deleted yet', async () => {
    const waits = (order: number, expires: number): Delivery =>
      deliveryOf(order, { status: 'waiting', dueAt: later(order).toISOString(), expires });
    const [past, future] = [NOW.getTime() / 1000 - 60, NOW.getTime() / 1000 + 600];
    const alive = many(5, (index) => waits(100 + index, future));
    await deliveries().write([...many(40, (index) => waits(index, past)), ...alive]);
    expect(await deliveries().waiting(MINE, 3)).toEqual(alive.slice(0, 3));
    expect(await deliveries().waiting(MINE, 100)).toEqual(alive);
  });

  test('are due at or before an instant, and not after it', async () => {
    const waits = many(250, (index) => deliveryOf(index, { dueAt: later(index).toISOString() }));
    await deliveries().write([...waits, deliveryOf(1000)]);
    const due = await allDue(deliveries(), later(199));
    expect(due.sort(byId)).toEqual(waits.slice(0, 200));
    expect(await allDue(deliveries(), later(-1))).toEqual([]);
  });

  test('are released once, and only if they are still due then', async () => {
    const dueAt = later(1000).toISOString();
    const delivery = deliveryOf(1, { dueAt, status: 'retrying' });
    await deliveries().write([delivery]);
    expect(await deliveries().released(delivery.id, later(2000).toISOString())).toBe(false);
    expect(await deliveries().released('dlv_none', dueAt)).toBe(false);
    const answers = await Promise.all([1, 2, 3].map(() => deliveries().released(delivery.id, dueAt)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    const { dueAt: _due, ...rest } = delivery;
    expect(await deliveries().read([delivery.id])).toEqual([rest]);
    expect(await allDue(deliveries(), later(10_000))).toEqual([]);
  });

  test('may be released while they are walked', async () => {
    await deliveries().write(many(300, (index) => deliveryOf(index, { dueAt: NOW.toISOString() })));
    let count = 0;
    for await (const page of deliveries().due(NOW)) {
      for (const { id, dueAt } of page) count += (await deliveries().released(id, dueAt ?? '')) ? 1 : 0;
    }
    expect(count).toBe(300);
  });

  test("for an endpoint are its own, the oldest first, and none of the clock's", async () => {
    const waits = (order: number, changes: Partial<Delivery> = {}): Delivery =>
      deliveryOf(order, { status: 'waiting', dueAt: later(-order).toISOString(), ...changes });
    const mine = many(30, (index) => waits(index));
    const { dueAt: _, ...onItsWay } = waits(40);
    await deliveries().write([
      ...mine,
      onItsWay,
      waits(50, { subscription: OTHER }),
      waits(60, { status: 'retrying' }),
    ]);
    const oldestFirst = [...mine].reverse();
    expect(await deliveries().waiting(MINE, 100)).toEqual(oldestFirst);
    expect(await deliveries().waiting(MINE, 7)).toEqual(oldestFirst.slice(0, 7));
    expect((await allDue(deliveries(), later(1000))).map(({ status }) => status)).toEqual(['retrying']);
    const [oldest] = oldestFirst;
    expect(await deliveries().released(oldest?.id ?? '', oldest?.dueAt ?? '')).toBe(true);
    expect((await deliveries().waiting(MINE, 1)).map(({ id }) => id)).toEqual([oldestFirst[1]?.id]);
    expect(await deliveries().read([oldest?.id ?? ''])).toMatchObject([{ status: 'waiting' }]);
  });
}

function listing(deliveries: () => Deliveries, goTo: (now: Date) => void): void {
  test('are listed newest event first, their own subscription’s only, once each', async () => {
    const mine = many(60, (index) => deliveryOf(index));
    await deliveries().write([...mine, ...many(20, (index) => deliveryOf(index, { subscription: OTHER }))]);
    for (const limit of [1, 7, 59, 60, 61])
      expect(await listed(deliveries(), {}, limit)).toEqual([...mine].reverse());
  });

  test('fill every page but the last, which ends with null', async () => {
    await deliveries().write(many(20, (index) => deliveryOf(index)));
    const first = await deliveries().list(MINE, {}, { limit: 10 });
    expect(first.items).toHaveLength(10);
    const second = await deliveries().list(MINE, {}, { limit: 10, cursor: first.next ?? '' });
    expect(second.items).toHaveLength(10);
    expect(second.next).toBeNull();
  });

  test('are found by a rare status among many', async () => {
    const all = many(1500, (index) => deliveryOf(index, index % 300 === 0 ? { status: 'parked' } : {}));
    await deliveries().write(all);
    const parked = all.filter(({ status }) => status === 'parked').reverse();
    for (const limit of [1, 2, 50])
      expect(await listed(deliveries(), { status: 'parked' }, limit)).toEqual(parked);
    expect(await listed(deliveries(), { status: 'gone' }, 50)).toEqual([]);
  });

  test('are found once and in order where a store would look further back for some than for others', async () => {
    const endingIn = (order: number, end: string, status: DeliveryStatus): Delivery =>
      deliveryOf(order, { id: `dlv_${ulid(NOW.getTime() + order).slice(0, 22)}${end}`, status });
    const common = many(450, (index) =>
      endingIn(100 + index, '0000', index % 100 === 0 ? 'parked' : 'delivered'),
    );
    const rare = many(20, (index) => endingIn(index, '0001', 'parked'));
    await deliveries().write([...common, ...rare]);
    const parked = [...rare, ...common].filter(({ status }) => status === 'parked').reverse();
    for (const limit of [2, 3, 50])
      expect(await listed(deliveries(), { status: 'parked' }, limit)).toEqual(parked);
  });

  test('are listed since an instant of their events', async () => {
    const all = many(30, (index) => deliveryOf(index, index % 2 ? { status: 'parked' } : {}));
    await deliveries().write(all);
    expect(await listed(deliveries(), { since: later(20) }, 4)).toEqual(all.slice(20).reverse());
    const parked = all.slice(20).filter(({ status }) => status === 'parked');
    expect(await listed(deliveries(), { since: later(20), status: 'parked' }, 4)).toEqual(parked.reverse());
    expect(await listed(deliveries(), { since: later(1000) }, 4)).toEqual([]);
    const { next } = await deliveries().list(MINE, {}, { limit: 20 });
    expect(await deliveries().list(MINE, { since: later(1000) }, { limit: 4, cursor: next ?? '' })).toEqual({
      items: [],
      next: null,
    });
  });

  test('are listed to the end, whatever of them has expired', async () => {
    const all = many(40, (index) =>
      deliveryOf(index, index < 20 ? {} : { expires: NOW.getTime() / 1000 + 60 }),
    );
    await deliveries().write(all);
    goTo(later(3_600_000));
    expect(await listed(deliveries(), {}, 5)).toEqual(all.slice(0, 20).reverse());
  });

  test('take no cursor of another subscription, nor a broken one', async () => {
    await deliveries().write(many(10, (index) => deliveryOf(index, { subscription: OTHER })));
    const { next } = await deliveries().list(OTHER, {}, { limit: 5 });
    for (const cursor of [next ?? '', '', 'x', Buffer.from(`${MINE}#0`).toString('base64url')]) {
      const refused = await deliveries()
        .list(MINE, {}, { limit: 5, cursor })
        .catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(ProblemError);
      expect(refused).toMatchObject({ problem: { kind: 'not-parseable' } });
    }
  });
}
