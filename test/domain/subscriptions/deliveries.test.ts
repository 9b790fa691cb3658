import { beforeEach, describe, expect, test } from 'vitest';
import {
  getDelivery,
  listDeliveries,
  recover,
  retryDelivery,
} from '../../../domain/subscriptions/deliveries.ts';
import type { Contract } from '../../../schemas/contract.ts';
import { deliveryStatus } from '../../../schemas/delivery.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';
import { type MemoryMesh, meshInMemory, problemOf } from '../mesh.ts';

const app = given.caller('app');
const lab = given.caller('lab');
const since = '2000-01-01T00:00:00Z';

let mesh: MemoryMesh;
beforeEach(() => {
  mesh = meshInMemory();
});
async function subscribed(more: Partial<Contract> = {}): Promise<Subscription> {
  const contract = await mesh.has('contract', given.contract(more));
  return mesh.has('subscription', given.subscription({ contract: contract.id }));
}
async function delivering(
  subscription: Subscription,
  ...statuses: ('parked' | 'withheld' | 'delivered' | 'retrying')[]
) {
  const deliveries = statuses.map((status) =>
    given.delivery({ subscription: subscription.id, status, attemptCount: 8 }),
  );
  await mesh.deliveries.write(deliveries);
  return deliveries;
}

describe('deliveries', () => {
  test('are listed by status, newest first, to their consumer only', async () => {
    const subscription = await subscribed();
    const [older, , newer] = await delivering(subscription, 'parked', 'delivered', 'parked');
    const { items } = await listDeliveries(mesh, app, subscription.id, { status: 'parked' }, { limit: 9 });
    expect(items.map(({ id }) => id)).toEqual([newer?.id, older?.id]);
    expect(items[0]?.event).toMatchObject({ id: newer?.event.id, type: newer?.event.type });
    expect(items[0]?.event).not.toHaveProperty('key');
    expect(await problemOf(listDeliveries(mesh, lab, subscription.id, {}, { limit: 9 }))).toMatchObject({
      kind: 'not-found',
    });
    expect(await problemOf(getDelivery(mesh, lab, older?.id ?? ''))).toMatchObject({ kind: 'not-found' });
    expect(await problemOf(getDelivery(mesh, app, 'dlv_none'))).toMatchObject({ kind: 'not-found' });
  });

  test('do not tell the published id where the contract pseudonymises', async () => {
    const minimisation = [{ clause: 'who', do: 'pseudonymise', path: '/data/room', rotate: 'P1D' } as const];
    const subscription = await subscribed({ terms: { minimisation } });
    const [delivery] = await delivering(subscription, 'delivered');
    const seen = await getDelivery(mesh, app, delivery?.id ?? '');
    expect(JSON.stringify(seen)).not.toContain(delivery?.event.id);
  });

  describe('that a filter picked of what the contract has come to hide', () => {
    const air = { clause: 'air', do: 'round', path: '/data/co2', to: 100 } as const;
    const clause = 'subscription.filter=minimisation.air';
    const filter = { data: { co2: [{ numeric: ['>', 1000] }] } };
    const filtered = async () => {
      const contract = await mesh.has('contract', given.contract({ terms: { minimisation: [air] } }));
      return mesh.has('subscription', given.subscription({ contract: contract.id, filter }));
    };
    const hiding = (subscription: Subscription) =>
      given.delivery({ subscription: subscription.id, status: 'withheld', verdict: 'withhold', clause });

    test('are in no list, nor in the length or the cursor of a page', async () => {
      const subscription = await filtered();
      const list = (limit: number) =>
        listDeliveries(mesh, app, subscription.id, { status: 'withheld' }, { limit });
      await mesh.deliveries.write([hiding(subscription)]);
      const [one] = await delivering(subscription, 'withheld');
      await mesh.deliveries.write([hiding(subscription)]);
      const [two] = await delivering(subscription, 'withheld');
      const page = await list(2);
      expect(page.items.map(({ id }) => id)).toEqual([two?.id, one?.id]);
      expect(page.next).toBeNull();
      expect((await list(1)).items.map(({ id }) => id)).toEqual([two?.id]);
    });

    test('are as if they were not there when they are asked for', async () => {
      const delivery = hiding(await filtered());
      await mesh.deliveries.write([delivery]);
      for (const ask of [getDelivery, retryDelivery])
        expect(await problemOf(ask(mesh, app, delivery.id))).toMatchObject({ kind: 'not-found' });
    });

    test('are recovered only once the filter tells nothing, and never counted', async () => {
      const subscription = await filtered();
      const delivery = hiding(subscription);
      await mesh.deliveries.write([delivery]);
      const nothing = { recovered: 0, more: false, next: null };
      expect(await recover(mesh, app, subscription.id, since)).toEqual(nothing);
      expect(mesh.queue.take()).toEqual([]);
      const before = await mesh.registry.read('contract', subscription.contract);
      if (!before) throw new Error('there is no contract');
      const item = { ...before, terms: { minimisation: [] }, revision: before.revision + 1 };
      await mesh.registry.write([{ do: 'replace', noun: 'contract', before, item }]);
      expect(await recover(mesh, app, subscription.id, since)).toEqual(nothing);
      expect(mesh.queue.take().map(({ again }) => again?.delivery)).toEqual([delivery.id]);
    });
  });

  test.each(deliveryStatus.options)('that are %s go again only where they had stopped', async (status) => {
    const subscription = await subscribed();
    const delivery = given.delivery({ subscription: subscription.id, status, attemptCount: 8 });
    await mesh.deliveries.write([delivery]);
    if (['parked', 'withheld'].includes(status)) {
      expect(await retryDelivery(mesh, app, delivery.id)).toMatchObject({ id: delivery.id });
      expect(mesh.queue.take()).toMatchObject([
        {
          event: { key: delivery.event.key },
          again: { delivery: delivery.id, attempts: 8 },
          subscription: { id: subscription.id },
        },
      ]);
    } else {
      expect(await problemOf(retryDelivery(mesh, app, delivery.id))).toMatchObject({ kind: 'conflict' });
      expect(mesh.queue.take()).toEqual([]);
    }
    expect(await problemOf(retryDelivery(mesh, lab, delivery.id))).toMatchObject({ kind: 'not-found' });
  });

  test('are recovered together: parked and withheld ones, and no others', async () => {
    const subscription = await subscribed();
    const [parked, withheld] = await delivering(subscription, 'parked', 'withheld', 'delivered', 'retrying');
    expect(await recover(mesh, app, subscription.id, since)).toEqual({
      recovered: 2,
      more: false,
      next: null,
    });
    expect(mesh.queue.take().map(({ again }) => again?.delivery)).toEqual([parked?.id, withheld?.id]);
    expect(await recover(mesh, app, subscription.id, '2090-01-01T00:00:00Z')).toEqual({
      recovered: 0,
      more: false,
      next: null,
    });
    expect(await problemOf(recover(mesh, lab, subscription.id, since))).toMatchObject({ kind: 'not-found' });
  });

  test('are recovered to the last, however many stay withheld: a call goes on where the one before ended', async () => {
    const subscription = await subscribed();
    const many = [...Array.from({ length: 4200 }, () => 'withheld' as const), 'parked' as const];
    const all = (await delivering(subscription, ...many)).map(({ id }) => id);
    const seen: string[] = [];
    let from: string | undefined;
    for (let call = 0; call < 3; call += 1) {
      const done = await recover(mesh, app, subscription.id, since, from);
      expect(done.more).toBe(call < 2);
      from = done.next ?? undefined;
      seen.push(...mesh.queue.take().map(({ again }) => again?.delivery ?? ''));
    }
    expect(seen.sort()).toEqual(all.sort());
    expect(await problemOf(recover(mesh, app, subscription.id, since, 'delivered.'))).toMatchObject({
      kind: 'not-parseable',
    });
  });

  test('are recovered for some seconds at a time', async () => {
    const subscription = await subscribed();
    await delivering(subscription, ...Array.from({ length: 500 }, () => 'parked' as const));
    const { list } = mesh.deliveries;
    const slow = {
      ...mesh.deliveries,
      list: (...asked: Parameters<typeof list>) => (mesh.later(8000), list(...asked)),
    };
    const first = await recover({ ...mesh, deliveries: slow }, app, subscription.id, since);
    expect(first).toMatchObject({ recovered: 400, more: true });
    const rest = await recover(mesh, app, subscription.id, since, first.next ?? '');
    expect(rest).toEqual({ recovered: 100, more: false, next: null });
  });

  test('of a subscription that has ended stay where they are', async () => {
    const contract = await mesh.has('contract', given.contract());
    const ended = await mesh.has(
      'subscription',
      given.subscription({ contract: contract.id, status: 'ended' }),
    );
    const [parked] = await delivering(ended, 'parked');
    expect(await problemOf(retryDelivery(mesh, app, parked?.id ?? ''))).toMatchObject({ kind: 'conflict' });
    expect(await problemOf(recover(mesh, app, ended.id, since))).toMatchObject({ kind: 'conflict' });
  });
});
