import { beforeEach, describe, expect, test } from 'vitest';
import { reconcileRules, wantedRule } from '../../../domain/clock/reconcile.ts';
import { settleSubscriptions } from '../../../domain/clock/settle.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { Rule } from '../../../domain/ports.ts';
import { patchSubscription } from '../../../domain/subscriptions/change.ts';
import { given } from '../../given.ts';
import { type Break, flowInMemory, type MemoryFlow } from '../deliver/flow.ts';
import { eventByEvent, timeFor } from './portions.ts';
import { subscribed } from './subscribed.ts';

const app = given.caller('app');
const SETTLING_MS = 120_000;
const high = { data: { co2: [{ numeric: ['>', 1000] }] } };
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
const breaking = (...names: string[]): void => {
  breaks = (port, call) => (names.includes(`${port}.${call}`) ? 'before' : undefined);
};
/** The events that wait on the queue. */
const queued = (): string[] => flow.queue.take().map(({ event }) => event.sequence);
const ruleNames = async () => (await flow.rules.list()).map(({ name }) => name).sort();
describe('settling', () => {
  const settle = () => settleSubscriptions(flow, flow.now());

  test('waits until the rule has had its time, then routes again what came since and makes it active', async () => {
    const before = await flow.accepted();
    flow.later(1);
    const subscription = await subscribed(flow);
    const missed = await flow.accepted();
    flow.later(SETTLING_MS - 1);
    expect(await settle()).toEqual({ settled: 0, backfilled: 0 });
    const late = await flow.accepted();
    flow.later(1);
    expect(await settle()).toEqual({ settled: 1, backfilled: 2 });
    const sequences = queued();
    expect(sequences).toEqual([missed.sequence, late.sequence]);
    expect(sequences).not.toContain(before.sequence);
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'active',
      rule: { settled: true },
    });
    expect(await settle()).toEqual({ settled: 0, backfilled: 0 });
  });

  test('routes again only what the rule matches', async () => {
    await subscribed(flow, high);
    await flow.accepted({ type: 'org.example.other.v1', data: { co2: 2000 } });
    await flow.accepted({ data: { co2: 900 } });
    const match = await flow.accepted({ data: { co2: 1500 } });
    flow.later(SETTLING_MS);
    await settle();
    expect(queued()).toEqual([match.sequence]);
  });

  test('is harmless for what did come: the derived id tells', async () => {
    const subscription = await subscribed(flow);
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    flow.later(SETTLING_MS);
    await settle();
    await flow.wakes();
    expect(flow.sent()).toEqual([deliveryId(entry.sequence, subscription.id)]);
  });

  test('allows for clocks that differ, where the rule is not the first', async () => {
    const subscription = await subscribed(flow);
    flow.later(SETTLING_MS);
    await settle();
    const early = await flow.accepted({ data: { co2: 1500 } });
    flow.later(4000);
    await patchSubscription(flow, app, subscription.id, { filter: high });
    flow.later(SETTLING_MS);
    queued();
    await settle();
    expect(queued()).toEqual([early.sequence]);
  });

  test('of more than a beat can route goes on where the beat before ended, and is not active before', async () => {
    const subscription = await subscribed(flow);
    const missed: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      missed.push((await flow.accepted()).sequence);
      flow.later(10_000);
    }
    flow.later(SETTLING_MS);
    const deps = { ...flow, ledger: eventByEvent(flow.ledger) };
    const sent: string[][] = [];
    for (let beats = 0; sent.flat().length < 20 && beats < 20; beats += 1) {
      expect((await flow.subscription(subscription.id)).status).toBe('starting');
      const { settled } = await settleSubscriptions(deps, flow.now(), timeFor(1));
      sent.push(queued());
      if (settled === 1) break;
    }
    expect((await flow.subscription(subscription.id)).status).toBe('active');
    expect((await flow.subscription(subscription.id)).rule).not.toHaveProperty('since');
    expect(sent.length).toBeGreaterThan(4);
    expect([...new Set(sent.flat())]).toEqual(missed);
  });

  test('of one consumer does not wait for what another one missed', async () => {
    const since = flow.now().toISOString();
    for (let count = 0; count < 5; count += 1) {
      await flow.accepted();
      flow.later(10_000);
    }
    const one = await subscribed(flow);
    const rule = { ...one.rule, name: 'sub_other', since };
    const more = { consumer: 'lab', status: 'starting', createdAt: since, rule } as const;
    const { subscription: other } = await flow.begins({ subscription: more });
    await flow.rules.put(wantedRule(other) as Rule);
    flow.later(SETTLING_MS);
    for (let beats = 0; beats < 2; beats += 1) {
      await settleSubscriptions({ ...flow, ledger: eventByEvent(flow.ledger) }, flow.now(), timeFor(1));
      flow.later(60_000);
    }
    expect((await flow.subscription(one.id)).status).toBe('active');
    expect((await flow.subscription(other.id)).status).toBe('starting');
  });

  test('removes the rule that was replaced, and only then', async () => {
    const subscription = await subscribed(flow);
    flow.later(SETTLING_MS);
    await settle();
    await patchSubscription(flow, app, subscription.id, { filter: high });
    const { rule } = await flow.subscription(subscription.id);
    expect(await ruleNames()).toEqual([subscription.id, rule.name].sort());
    flow.later(SETTLING_MS);
    await settle();
    expect(await ruleNames()).toEqual([rule.name]);
    expect((await flow.subscription(subscription.id)).rule).not.toHaveProperty('replaces');
  });

  test('waits for a rule that was never put', async () => {
    const subscription = await subscribed(flow);
    await flow.rules.remove('maille-test', subscription.id);
    flow.later(SETTLING_MS);
    expect(await settle()).toEqual({ settled: 0, backfilled: 0 });
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'starting',
      rule: { settled: false },
    });
  });

  test('keeps paused what is paused', async () => {
    const subscription = await subscribed(flow);
    await patchSubscription(flow, app, subscription.id, { paused: true });
    flow.later(SETTLING_MS);
    await settle();
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'paused',
      rule: { settled: true },
    });
  });

  test('starts over when it is interrupted before the subscription is marked', async () => {
    const subscription = await subscribed(flow);
    const entry = await flow.accepted();
    flow.later(SETTLING_MS);
    breaking('queue.send');
    await expect(settle()).rejects.toThrow();
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'starting' });
    breaking();
    await settle();
    expect(queued()).toEqual([entry.sequence]);
  });

  test('of one subscription does not hold up the others', async () => {
    const subscription = await subscribed(flow);
    flow.later(1);
    const other = await subscribed(flow);
    flow.later(SETTLING_MS);
    let left = 1;
    breaks = (port, call) => (port === 'ledger' && call === 'history' && left-- > 0 ? 'before' : undefined);
    await expect(settle()).rejects.toThrow();
    const statuses = await Promise.all(
      [subscription, other].map(async ({ id }) => (await flow.subscription(id)).status),
    );
    expect(statuses.sort()).toEqual(['active', 'starting']);
  });
});

describe('the reconciler', () => {
  const reconcile = () => reconcileRules(flow, flow.now());

  test('leaves alone what is as it should be', async () => {
    await subscribed(flow, high);
    calls = [];
    expect(await reconcile()).toEqual({ put: 0, removed: 0 });
    expect(calls).not.toContain('registry.write');
  });

  test('puts what is missing or differs, by the registry', async () => {
    const subscription = await subscribed(flow, high);
    const wanted = wantedRule(await flow.subscription(subscription.id));
    await flow.rules.remove('maille-test', subscription.id);
    expect(await reconcile()).toEqual({ put: 1, removed: 0 });
    expect((await flow.rules.list()).find(({ name }) => name === subscription.id)?.pattern).toBe(
      wanted?.pattern,
    );
    if (wanted) await flow.rules.put({ ...wanted, pattern: '{"source":["other"]}' });
    expect(await reconcile()).toEqual({ put: 1, removed: 0 });
    expect((await flow.rules.list()).find(({ name }) => name === subscription.id)?.pattern).toBe(
      wanted?.pattern,
    );
  });

  test('takes a pattern that an engine wrote in another order for the same', async () => {
    const subscription = await subscribed(flow, high);
    const rule = wantedRule(await flow.subscription(subscription.id));
    const turned = Object.fromEntries(Object.entries(JSON.parse(rule?.pattern ?? '{}')).reverse());
    if (rule) await flow.rules.put({ ...rule, pattern: JSON.stringify(turned, null, 2) });
    expect(await reconcile()).toEqual({ put: 0, removed: 0 });
  });

  test('gives a rule that it puts its time to settle, and routes again what was missed since it should have stood', async () => {
    const subscription = await subscribed(flow);
    await flow.rules.remove('maille-test', subscription.id);
    const missed = await flow.accepted();
    flow.later(SETTLING_MS);
    await reconcile();
    const late = await flow.accepted();
    expect(await settleSubscriptions(flow, flow.now())).toMatchObject({ settled: 0 });
    flow.later(SETTLING_MS);
    expect(await settleSubscriptions(flow, flow.now())).toMatchObject({ settled: 1 });
    expect(queued()).toEqual([missed.sequence, late.sequence]);
    const { status, rule } = await flow.subscription(subscription.id);
    expect(status).toBe('active');
    expect(rule).not.toHaveProperty('since');
  });

  test('routes the last hour again where a settled rule was lost, and the subscription stays active', async () => {
    const subscription = await subscribed(flow);
    flow.later(SETTLING_MS);
    await settleSubscriptions(flow, flow.now());
    queued();
    await flow.rules.remove('maille-test', subscription.id);
    const missed = await flow.accepted();
    flow.later(3_600_000);
    await reconcile();
    expect(await flow.subscription(subscription.id)).toMatchObject({
      status: 'active',
      rule: { settled: false },
    });
    flow.later(SETTLING_MS);
    await settleSubscriptions(flow, flow.now());
    expect(queued()).toContain(missed.sequence);
  });

  test('does not begin anew with a rule that is just being made', async () => {
    const subscription = await subscribed(flow);
    await flow.rules.remove('maille-test', subscription.id);
    flow.later(5000);
    await reconcile();
    expect(await ruleNames()).toContain(subscription.id);
    expect(await flow.subscription(subscription.id)).toEqual(subscription);
  });

  test('removes what nobody wants: of nobody, or of what has ended', async () => {
    const subscription = await subscribed(flow);
    const rule = wantedRule(subscription);
    if (!rule) throw new Error('it has a rule');
    await flow.rules.put({ ...rule, name: `sub_${'0'.repeat(26)}` });
    await flow.rules.put({ ...rule, name: `${subscription.id}.9` });
    await flow.changes('subscription', subscription.id, { status: 'ended' });
    const { removed } = await reconcile();
    expect(removed).toBe(3);
    expect(await ruleNames()).not.toContain(subscription.id);
  });

  test('keeps the rule that is being replaced', async () => {
    const subscription = await subscribed(flow);
    flow.later(SETTLING_MS);
    await settleSubscriptions(flow, flow.now());
    await patchSubscription(flow, app, subscription.id, { filter: high });
    expect(await reconcile()).toMatchObject({ removed: 0 });
    expect(await ruleNames()).toContain(subscription.id);
  });

  test('never removes a rule made while it runs', async () => {
    const subscription = await subscribed(flow);
    // The list of the registry lags behind.
    const list: typeof flow.registry.list = async () => ({ items: [], next: null });
    const registry = { list, read: flow.registry.read, write: flow.registry.write };
    expect(await reconcileRules({ registry, rules: flow.rules }, flow.now())).toEqual({ put: 0, removed: 0 });
    expect(await ruleNames()).toEqual([subscription.id]);
  });

  test('is not held up by one rule that cannot be put or removed', async () => {
    const [one, other] = [await subscribed(flow), await subscribed(flow)];
    const rule = wantedRule(one);
    if (rule) await flow.rules.put({ ...rule, name: `sub_${'0'.repeat(26)}` });
    for (const { id } of [one, other]) await flow.rules.remove('maille-test', id);
    let left = 1;
    breaks = (port, call) => (port === 'rules' && call === 'put' && left-- > 0 ? 'before' : undefined);
    await expect(reconcile()).rejects.toThrow('rules.put');
    const names = await ruleNames();
    expect(names.filter((name) => [one.id, other.id].includes(name)).length).toBeGreaterThanOrEqual(1);
    expect(names).not.toContain(`sub_${'0'.repeat(26)}`);
    await reconcile();
    expect(await ruleNames()).toEqual(expect.arrayContaining([one.id, other.id]));
  });
});
