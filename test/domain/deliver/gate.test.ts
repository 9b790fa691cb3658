import { beforeEach, describe, expect, test } from 'vitest';
import { given } from '../../given.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { standingReader } from '../../../domain/deliver/standing.ts';
import type { Ref } from '../../../domain/ports.ts';
import { flowInMemory, type MemoryFlow } from './flow.ts';

let flow: MemoryFlow;
let unreadable: boolean;
beforeEach(() => {
  unreadable = false;
  flow = flowInMemory({
    breaks: (port, call) => (unreadable && port === 'registry' && call === 'readAll' ? 'before' : undefined),
  });
});

/** Nothing may begin later than this after the contract stops standing, whatever came before. */
const FRESHNESS_MS = 2000;

describe('the verdict is asked just before each send', () => {
  test('what stops standing between two messages withholds the second, within the freshness', async () => {
    const { subscription, contract } = await flow.begins();
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    await flow.changes('contract', contract.id, { state: 'terminated' });
    flow.later(FRESHNESS_MS);
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    expect(flow.sent()).toHaveLength(1);
    expect(await flow.delivery(deliveryId(entry.sequence, subscription.id))).toMatchObject({
      status: 'withheld',
      verdict: 'withhold',
      clause: 'contract.state=terminated',
      attemptCount: 0,
    });
  });

  test.each([
    ['contract', 'suspended', 'contract.state=suspended'],
    ['provider', 'suspended', 'provider.status=suspended'],
    ['consumer', 'suspended', 'consumer.status=suspended'],
    ['subscription', 'ended', 'subscription.status=ended'],
    ['subscription', 'paused', 'subscription.status=paused'],
  ])('a retry is not sent once the %s is %s', async (what, status, clause) => {
    const { subscription, contract } = await flow.begins();
    flow.answers(500);
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    if (what === 'contract') await flow.changes('contract', contract.id, { state: 'suspended' });
    if (what === 'provider') await flow.changes('participant', 'atmo', { status: 'suspended' });
    if (what === 'consumer') await flow.changes('participant', 'app', { status: 'suspended' });
    if (what === 'subscription') {
      await flow.changes('subscription', subscription.id, { status: status as 'ended' | 'paused' });
    }
    flow.later(5000);
    await flow.wakes();
    expect(flow.sent()).toHaveLength(1);
    expect(await flow.delivery(deliveryId(entry.sequence, subscription.id))).toMatchObject({
      status: 'withheld',
      clause,
    });
  });

  test('a key that is slow to open makes the verdict be asked anew', async () => {
    const { subscription, contract } = await flow.begins();
    const unseal = flow.deps.sealer.unseal;
    flow.deps.sealer = {
      ...flow.deps.sealer,
      unseal: async (sealed) => {
        const secret = await unseal(sealed);
        flow.later(3000);
        await flow.changes('contract', contract.id, { state: 'terminated' });
        return secret;
      },
    };
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    expect(flow.sent()).toEqual([]);
    expect(await flow.delivery(deliveryId(entry.sequence, subscription.id))).toMatchObject({
      status: 'withheld',
    });
  });

  test('a request that is always slow to make is held', async () => {
    const { subscription } = await flow.begins();
    const unseal = flow.deps.sealer.unseal;
    flow.deps.sealer = {
      ...flow.deps.sealer,
      unseal: (sealed) => {
        flow.later(501);
        return unseal(sealed);
      },
    };
    expect(await flow.deliver(flow.matched(subscription, await flow.accepted()))).toMatchObject({
      failed: [0],
    });
    expect(flow.sent()).toEqual([]);
  });

  test('what the registry cannot tell is held: nothing is sent, nothing recorded', async () => {
    const { subscription } = await flow.begins();
    const entry = await flow.accepted();
    unreadable = true;
    const report = await flow.deliver(flow.matched(subscription, entry));
    expect(report).toMatchObject({ failed: [0], records: [], dropped: 0 });
    expect(String(report.error)).toContain('registry.readAll');
    expect(flow.sent()).toEqual([]);
    unreadable = false;
    await flow.deliver(flow.matched(subscription, entry));
    expect(flow.sent()).toHaveLength(1);
  });

  test('what was read before an outage does not stand for longer than its freshness', async () => {
    const { subscription } = await flow.begins();
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    unreadable = true;
    flow.later(FRESHNESS_MS - 1);
    expect(await flow.deliver(flow.matched(subscription, await flow.accepted()))).toMatchObject({
      failed: [],
    });
    flow.later(1);
    expect(await flow.deliver(flow.matched(subscription, await flow.accepted()))).toMatchObject({
      failed: [0],
    });
    expect(flow.sent()).toHaveLength(2);
  });
});

describe('the reader of standings', () => {
  const refsOf = (number: number) => ({
    id: `sub_${number}`,
    contract: `ctr_${number}`,
    dataset: `dataset-${number}`,
    provider: `provider-${number}`,
    consumer: `consumer-${number}`,
  });
  /** A registry that has everything asked of it, tells what was read and takes its time. */
  function reading({ maxThings, takesMs = () => 0 }: { maxThings?: number; takesMs?: () => number } = {}) {
    let now = 0;
    const read: string[][] = [];
    const readAll = async (refs: readonly Ref[]) => {
      read.push(refs.map(({ id }) => id));
      await Promise.resolve();
      now += takesMs();
      return refs.map(({ id }) => ({ id }));
    };
    const options = { maxAgeMs: FRESHNESS_MS, now: () => now, ...(maxThings !== undefined && { maxThings }) };
    const reader = standingReader({ readAll: readAll as never }, options);
    return { reader, read, later: (ms: number) => void (now += ms) };
  }

  test('reads a batch in one call, and nothing twice while it is fresh', async () => {
    const { reader, read, later } = reading();
    await reader.prefetch([refsOf(1), refsOf(2), refsOf(1)]);
    await Promise.all([reader.read(refsOf(1)), reader.read(refsOf(2))]);
    expect(read.map((ids) => ids.length)).toEqual([12]);
    later(FRESHNESS_MS);
    await reader.read(refsOf(1));
    expect(read).toHaveLength(2);
  });

  test('gives the terms of a changed offer from their instant on', async () => {
    let now = Date.parse('2026-03-01T00:00:00Z');
    const planned = { ...given.contract().terms, quota: { events: 1, per: 'P1D' } } as const;
    const from = '2026-03-01T00:00:01.000Z';
    const contract = given.contract({
      termsChange: { from, announcedAt: from, datasetRevision: 2, terms: planned },
    });
    const registry = {
      readAll: async (refs: readonly Ref[]) =>
        refs.map(({ noun }) => (noun === 'contract' ? contract : undefined)),
    };
    const reader = standingReader(registry as never, { maxAgeMs: FRESHNESS_MS, now: () => now });
    expect((await reader.read(refsOf(1))).contract?.terms).toEqual(contract.terms);
    now += 1000;
    expect((await reader.read(refsOf(1))).contract?.terms).toEqual(planned);
  });

  test('reads at most a hundred things in one call', async () => {
    const { reader, read } = reading();
    await reader.prefetch(Array.from({ length: 30 }, (_, number) => refsOf(number)));
    expect(read.map((ids) => ids.length)).toEqual([100, 80]);
  });

  test('never takes for absent what it has forgotten to make room', async () => {
    const { reader } = reading({ maxThings: 7 });
    const whole = {
      subscription: { id: 'sub_1' },
      contract: { id: 'ctr_1' },
      consumer: { id: 'consumer-1' },
    };
    await reader.read(refsOf(1));
    const [one] = await Promise.all([reader.read(refsOf(1)), reader.read(refsOf(2))]);
    expect(one).toMatchObject(whole);
    await reader.read(refsOf(1));
    // Shares all but one thing with what is known, which is emptied for that one.
    for (const number of [3, 4, 5]) {
      expect(await reader.read({ ...refsOf(1), dataset: `dataset-${number}` })).toMatchObject(whole);
    }
  });

  test('asks again when the answer was slow, and gives up when it stays so', async () => {
    let slow = 1;
    const once = reading({ takesMs: () => (slow-- > 0 ? 10_000 : 0) });
    expect(await once.reader.read(refsOf(1))).toMatchObject({ subscription: { id: 'sub_1' } });
    expect(once.read).toHaveLength(2);
    const always = reading({ takesMs: () => 10_000 });
    await expect(always.reader.read(refsOf(1))).rejects.toThrow(/too slow/);
  });
});
