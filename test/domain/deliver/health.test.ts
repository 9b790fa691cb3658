import { beforeEach, describe, expect, test } from 'vitest';
import { releaseDue } from '../../../domain/clock/release.ts';
import { afterAttempt, type Went } from '../../../domain/deliver/health.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { recover } from '../../../domain/subscriptions/deliveries.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { territory } from '../../../schemas/territory.ts';
import { given } from '../../given.ts';
import { type Break, flowInMemory, type MemoryFlow } from './flow.ts';

const app = given.caller('app');
const PLAN = territory.parse({ id: 'test', name: 'Test' });
let flow: MemoryFlow;
let breaks: Break;
let calls: string[];
beforeEach(() => {
  breaks = () => undefined;
  calls = [];
  flow = flowInMemory({
    breaks: (port, call) => {
      calls.push(`${port}.${call}`);
      return breaks(port, call);
    },
  });
});

/** Delivers an event until it is parked; answers its delivery's id. */
async function parked(subscription: Subscription): Promise<string> {
  const entry = await flow.accepted();
  flow.answers(500);
  await flow.deliver(flow.matched(subscription, entry));
  for (const wait of [5, 300, 1800, 7200, 18_000, 36_000, 36_000]) {
    flow.later(wait * 1000);
    await releaseDue(flow, flow.now());
    await flow.wakes();
  }
  const id = deliveryId(entry.sequence, subscription.id);
  expect(await flow.delivery(id)).toMatchObject({ status: 'parked' });
  return id;
}

/** What its consumer was told of the subscription itself. */
const statusNotices = async (): Promise<string[]> =>
  (await flow.noticesOf('app')).filter((type) => type.startsWith('maille.subscription.'));

describe('a consumer', () => {
  test('is told of a parked delivery, until when it can be sent again, and once an hour at most', async () => {
    const { subscription } = await flow.begins({ dataset: { retentionDays: 10 } });
    const [one, two] = [await flow.accepted(), await flow.accepted()];
    const id = (entry: typeof one): string => deliveryId(entry.sequence, subscription.id);
    flow.answers(500);
    const last = (entry: typeof one) => ({
      ...flow.matched(subscription, entry),
      again: { delivery: id(entry), attempts: 7 },
    });
    for (const entry of [one, two])
      await flow.deliveries.write([
        given.delivery({ id: id(entry), subscription: subscription.id, status: 'retrying', attemptCount: 7 }),
      ]);
    await flow.deliver(last(one), last(two));
    const told = async () =>
      (await flow.registry.list('noticesOfParticipant', { participant: 'app' }, { limit: 10 })).items.filter(
        ({ type }) => type === 'maille.delivery.parked.v1',
      );
    expect(await told()).toMatchObject([
      { subject: subscription.id, data: { attempts: 8, releasableUntil: '2026-03-11T10:00:00.000Z' } },
    ]);
    for (const [later, notices] of [
      [3_500_000, 1],
      [100_000, 2],
    ] as const) {
      flow.later(later);
      const entry = await flow.accepted();
      const { retryWaits } = flow.territory;
      await flow.deliveries.write([
        given.delivery({
          id: id(entry),
          subscription: subscription.id,
          status: 'retrying',
          attemptCount: retryWaits.length,
        }),
      ]);
      await flow.deliver(last(entry));
      expect(await told()).toHaveLength(notices);
    }
  });
});

describe('the status of a subscription', () => {
  test('becomes failing when a delivery parks, and its consumer is told', async () => {
    const { subscription } = await flow.begins();
    await parked(subscription);
    const failingSince = flow.now().toISOString();
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'failing', failingSince });
    expect(await statusNotices()).toEqual(['maille.subscription.failing.v1']);
    await parked(subscription);
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'failing', failingSince });
    expect(await statusNotices()).toHaveLength(1);
  });

  test('is well again when the parked delivery arrives, although the verdict read it before it failed', async () => {
    const { subscription } = await flow.begins();
    const id = await parked(subscription);
    flow.answers(204);
    flow.later(500);
    await recover(flow, app, subscription.id, '2000-01-01T00:00:00Z');
    await flow.wakes();
    expect(await flow.delivery(id)).toMatchObject({ status: 'delivered' });
    const after = await flow.subscription(subscription.id);
    expect(after.status).toBe('active');
    expect(after).not.toHaveProperty('failingSince');
    expect(await statusNotices()).toEqual([
      'maille.subscription.failing.v1',
      'maille.subscription.active.v1',
    ]);
  });

  test('is well again when another event arrives at once', async () => {
    const { subscription } = await flow.begins();
    await parked(subscription);
    flow.answers(204);
    flow.later(2000);
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'active' });
  });

  test('becomes disabled once it has failed for as long as the territory allows: then all is parked, and told', async () => {
    const { subscription } = await flow.begins();
    await parked(subscription);
    flow.later(5 * 86_400_000);
    await parked(subscription);
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'disabled',
      failingSince: expect.any(String),
    });
    expect(await statusNotices()).toContain('maille.subscription.disabled.v1');
    const told = async () =>
      (await flow.noticesOf('app')).filter((type) => type === 'maille.delivery.parked.v1').length;
    const before = await told();
    flow.later(3_600_000);
    for (let count = 0; count < 15; count += 1) {
      const entry = await flow.accepted();
      await flow.deliver(flow.matched(subscription, entry));
      expect(await flow.delivery(deliveryId(entry.sequence, subscription.id))).toMatchObject({
        status: 'parked',
        attemptCount: 0,
        verdict: 'withhold',
        clause: 'subscription.status=disabled',
      });
    }
    expect(await told(), 'once an hour').toBe(before + 1);
    // What was parked unattempted says nothing of the endpoint: the next one goes as soon as it is enabled.
    await flow.changes('subscription', subscription.id, { status: 'active' });
    flow.later(2000);
    flow.answers(204);
    const next = await flow.accepted();
    await flow.deliver(flow.matched(subscription, next));
    expect(await flow.delivery(deliveryId(next.sequence, subscription.id))).toMatchObject({
      status: 'delivered',
    });
  });

  test('ends when the receiver says 410, on the first attempt or later', async () => {
    for (const later of [false, true]) {
      const { subscription } = await flow.begins();
      const entry = await flow.accepted();
      const id = deliveryId(entry.sequence, subscription.id);
      flow.answers(later ? 500 : 410);
      await flow.deliver(flow.matched(subscription, entry));
      flow.answers(410);
      flow.later(5000);
      await flow.wakes();
      expect(await flow.delivery(id)).toMatchObject({ status: 'gone' });
      expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'ended' });
    }
  });

  test('is not read again for what arrives at once, nor for what will be tried again', async () => {
    const { subscription } = await flow.begins();
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    flow.answers(500);
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    flow.later(5000);
    await flow.wakes();
    expect(calls).not.toContain('registry.read');
  });

  test('that cannot be kept is told, and neither sends nor records anything again', async () => {
    const { subscription } = await flow.begins();
    flow.answers(410);
    breaks = (port, call) => (port === 'registry' && call === 'write' ? 'before' : undefined);
    const report = await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect(report).toMatchObject({ failed: [], records: [{ status: 'gone' }] });
    expect(String(report.error)).toContain('registry.write');
  });
});

describe('what an attempt changes', () => {
  const now = new Date('2026-03-01T10:00:00Z');
  const after = (more: Partial<Subscription>, next: Went['next']) =>
    afterAttempt(given.subscription(more), { next, count: 1 }, PLAN, now);

  test.each(['paused', 'disabled', 'ended', 'unverified'] as const)('is nothing while it is %s', (status) => {
    for (const next of ['gone', 'parked', 'delivered'] as const) {
      expect(after({ status, failingSince: now.toISOString() }, next)).toBeUndefined();
    }
  });

  test('counts the revision, and leaves what a retry follows as it is', () => {
    expect(after({ revision: 4 }, 'gone')).toMatchObject({ status: 'ended', revision: 5 });
    expect(after({ status: 'failing', failingSince: now.toISOString() }, 'retry')).toBeUndefined();
    expect(after({}, 'delivered')).toBeUndefined();
  });

  test('makes one whose rule has not settled starting again, not active', () => {
    const { rule } = given.subscription();
    const failing = {
      status: 'failing',
      failingSince: now.toISOString(),
      rule: { ...rule, settled: false },
    } as const;
    expect(after(failing, 'delivered')).toMatchObject({ status: 'starting' });
  });
});
