import { beforeEach, describe, expect, test } from 'vitest';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import { ack, extend, type PullDeps, receive } from '../../../domain/pull/pull.ts';
import { recover } from '../../../domain/subscriptions/deliveries.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { ProblemError } from '../../../schemas/problem.ts';
import { given } from '../../given.ts';
import { type Break, flowInMemory, type MemoryFlow, letIn } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';

const app = given.caller('app');
const lab = given.caller('lab');
const pull = { destination: { kind: 'pull', concurrency: 10 } } as const;
const LEASE_MS = 60_000;

let flow: MemoryFlow;
let breaks: Break;
let deps: PullDeps;
let subscription: Subscription;
let contract: Contract;
beforeEach(async () => {
  breaks = () => undefined;
  flow = flowInMemory({ breaks: (port, call) => breaks(port, call) });
  deps = { ...flow, sealer: flow.deps.sealer, standings: flow.standings };
  ({ subscription, contract } = await flow.begins({ subscription: pull }));
});

/** An event that waits in the pull queue. */
async function available(data: object = { co2: 800 }, on = subscription): Promise<LedgerEntry> {
  const entry = await flow.accepted({ data });
  await flow.deliver(flow.matched(on, entry));
  return entry;
}
const receiving = async (options = {}) =>
  (await receive(deps, app, subscription.id, { max: 10, waitSeconds: 0, ...options }, letIn)).messages;
const delivery = (entry: LedgerEntry, on = subscription) => flow.delivery(deliveryId(entry.sequence, on.id));
const leasesOf = async () => (await receiving()).map(({ lease }) => lease);

describe('receive', () => {
  test('hands over events as they are delivered, leased', async () => {
    const entry = await available({ co2: 1234 });
    const [message] = await receiving();
    expect(message).toMatchObject({
      leaseSeconds: 60,
      event: { data: { co2: 1234 }, sequence: entry.sequence, dataset: 'school-air' },
    });
    expect(await receiving(), 'while it is leased').toEqual([]);
    flow.later(LEASE_MS);
    expect(await receiving()).toHaveLength(1);
    expect(await delivery(entry)).toMatchObject({ status: 'available' });
  });

  test('hands over no more than it is asked for', async () => {
    for (let count = 0; count < 3; count += 1) await available();
    expect(await receiving({ max: 2 })).toHaveLength(2);
    expect(await receiving()).toHaveLength(1);
  });

  test('minimises by the contract of now', async () => {
    await available({ co2: 1, teacher: 'Curie' });
    const minimisation = [{ clause: 'no-teacher', do: 'drop' as const, path: '/data/teacher' }];
    await flow.changes('contract', contract.id, { terms: { minimisation } });
    flow.later(2000);
    expect((await receiving()).map(({ event }) => event.data)).toEqual([{ co2: 1 }]);
  });

  test('judges after the wait: what stops standing meanwhile stays in the mesh', async () => {
    await available();
    const waiting = flow.pullQueues.receive;
    deps.pullQueues = {
      ...deps.pullQueues,
      ack: flow.pullQueues.ack,
      extend: flow.pullQueues.extend,
      receive: async (...given) => {
        const leased = await waiting(...given);
        flow.later(20_000);
        await flow.changes('contract', contract.id, { state: 'terminated' });
        return leased;
      },
    };
    expect(await problemOf(receiving())).toMatchObject({
      kind: 'conflict',
      detail: expect.stringContaining('contract.state=terminated'),
    });
  });

  test('hands nothing to who would not be let in any more after the wait, and keeps it for the next', async () => {
    await available();
    const asked = { max: 10, waitSeconds: 20 };
    const revoked = () => Promise.reject(new ProblemError('unauthenticated', 'revoked'));
    expect(await problemOf(receive(deps, app, subscription.id, asked, revoked))).toMatchObject({
      kind: 'unauthenticated',
    });
    expect(await receiving()).toHaveLength(1);
  });

  test.each([
    ['the contract is suspended', () => flow.changes('contract', contract.id, { state: 'suspended' })],
    ['the provider is suspended', () => flow.changes('participant', 'atmo', { status: 'suspended' })],
    ['the consumer is suspended', () => flow.changes('participant', 'app', { status: 'suspended' })],
    ['it has ended', () => flow.changes('subscription', subscription.id, { status: 'ended' })],
  ])('is a conflict once %s, and so are ack and extend', async (_, stops) => {
    await available();
    const leases = await leasesOf();
    await stops();
    flow.later(2000);
    expect(await problemOf(receiving())).toMatchObject({ kind: 'conflict' });
    expect(await problemOf(ack(deps, app, subscription.id, leases))).toMatchObject({ kind: 'conflict' });
    expect(await problemOf(extend(deps, app, subscription.id, leases, 0))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('takes what is withheld out of the queue, recorded with its clause, and recover brings it back', async () => {
    const entry = await available();
    await flow.changes('subscription', subscription.id, { status: 'paused' });
    flow.later(2000);
    expect(await receiving()).toEqual([]);
    expect(await delivery(entry)).toMatchObject({
      status: 'withheld',
      verdict: 'withhold',
      clause: 'subscription.status=paused',
      updatedAt: flow.now().toISOString(),
    });
    await flow.changes('subscription', subscription.id, { status: 'active' });
    flow.later(LEASE_MS);
    expect(await receiving()).toEqual([]);
    await recover(flow, app, subscription.id, '2000-01-01T00:00:00Z');
    await flow.wakes();
    expect((await receiving()).map(({ event }) => event['sequence'])).toEqual([entry.sequence]);
  });

  test('withholds some and hands over the others', async () => {
    const other = await available();
    const entry = await flow.accepted({ type: 'org.example.other.v1', data: { co2: 1 } });
    await flow.deliver(flow.matched(subscription, entry));
    await flow.changes('contract', contract.id, { types: ['org.example.co2.v1'] });
    flow.later(2000);
    expect((await receiving()).map(({ event }) => event['sequence'])).toEqual([other.sequence]);
    expect(await delivery(entry)).toMatchObject({ status: 'withheld', clause: 'contract.types' });
    expect(await delivery(other)).toMatchObject({ status: 'available' });
  });

  test('interrupted before the record leaves the withheld event in the queue', async () => {
    const entry = await available();
    await flow.changes('subscription', subscription.id, { status: 'paused' });
    flow.later(2000);
    breaks = (port, call) => (port === 'deliveries' && call === 'write' ? 'before' : undefined);
    await expect(receiving()).rejects.toThrow('deliveries.write');
    breaks = () => undefined;
    expect(await delivery(entry)).toMatchObject({ status: 'available' });
    await flow.changes('subscription', subscription.id, { status: 'active' });
    flow.later(LEASE_MS);
    expect(await receiving()).toHaveLength(1);
  });

  test('tells that an event is past its retention, and does not hand it over', async () => {
    const entry = await available();
    const known = await delivery(entry);
    if (!known) throw new Error('there is a record');
    // A dataset that came to keep longer: the record outlives the event.
    await flow.deliveries.write([{ ...known, expires: known.expires + 86_400 * 30 }]);
    flow.later(31 * 86_400_000);
    expect(await receiving()).toEqual([]);
    expect(await delivery(entry)).toMatchObject({
      status: 'withheld',
      verdict: 'withhold',
      clause: 'dataset.retentionDays',
    });
  });

  test('leaves delivered what was acknowledged, when a second copy is withheld', async () => {
    const entry = await available();
    const { key, sequence } = entry;
    const id = deliveryId(sequence, subscription.id);
    await flow.pullQueues.send(subscription.pullQueue ?? '', [{ delivery: id, key, sequence }]);
    const [first] = await receiving({ max: 1 });
    await ack(deps, app, subscription.id, [first?.lease ?? '']);
    await flow.changes('subscription', subscription.id, { status: 'paused' });
    flow.later(2000);
    expect(await receiving()).toEqual([]);
    expect(await delivery(entry)).toMatchObject({ status: 'delivered' });
  });
});

describe('ack', () => {
  test('ends the lease for good, and says so again where its answer was lost', async () => {
    const entry = await available();
    const leases = await leasesOf();
    expect(await ack(deps, app, subscription.id, leases)).toEqual({
      results: [{ lease: leases[0], ok: true }],
    });
    expect(await delivery(entry)).toMatchObject({ status: 'delivered', updatedAt: flow.now().toISOString() });
    flow.later(LEASE_MS);
    expect(await receiving()).toEqual([]);
    const recorded = await delivery(entry);
    expect(await ack(deps, app, subscription.id, leases)).toMatchObject({ results: [{ ok: true }] });
    expect(await delivery(entry)).toEqual(recorded);
  });

  test('after the lease has ended is told so, and changes nothing', async () => {
    const entry = await available();
    const leases = await leasesOf();
    flow.later(LEASE_MS);
    expect(await ack(deps, app, subscription.id, leases)).toMatchObject({ results: [{ ok: false }] });
    expect(await delivery(entry)).toMatchObject({ status: 'available' });
    expect(await receiving()).toHaveLength(1);
  });

  test('before the delivery is recorded takes nothing out: it comes again, and is counted', async () => {
    const entry = await flow.accepted();
    const { write } = flow.deliveries;
    const early: boolean[] = [];
    flow.deps.deliveries = {
      ...flow.deliveries,
      write: async (...given) => {
        if (early.length === 0) {
          const { results } = await ack(deps, app, subscription.id, await leasesOf());
          early.push(...results.map(({ ok }) => ok));
        }
        await write(...given);
      },
    };
    await flow.deliver(flow.matched(subscription, entry));
    expect(early).toEqual([false]);
    flow.later(1000);
    expect((await ack(deps, app, subscription.id, await leasesOf())).results).toMatchObject([{ ok: true }]);
    expect(await delivery(entry)).toMatchObject({ status: 'delivered' });
    expect(await flow.usage.days(contract.id, '2026-01-01', '2026-12-31')).toMatchObject([{ events: 1 }]);
  });

  test('answers for each lease, made up ones included', async () => {
    await available();
    const [lease = ''] = await leasesOf();
    const given = ['nonsense', lease, '', `${lease}x`];
    const { results } = await ack(deps, app, subscription.id, given);
    expect(results).toEqual(given.map((one) => ({ lease: one, ok: one === lease })));
  });

  test('with a lease that names a delivery of somebody else touches only its own', async () => {
    const { subscription: other } = await flow.begins({ subscription: { ...pull, consumer: 'lab' } });
    await flow.has('participant', given.participant({ id: 'lab' }));
    const theirs = await available({ co2: 1 }, other);
    await available();
    const [lease = ''] = await leasesOf();
    const forged = `${deliveryId(theirs.sequence, other.id)}.${lease.slice(lease.indexOf('.') + 1)}`;
    expect(await ack(deps, app, subscription.id, [forged])).toMatchObject({ results: [{ ok: false }] });
    expect(await delivery(theirs, other)).toMatchObject({ status: 'available' });
  });
});

describe('extend', () => {
  test('sets when the lease ends, counted from now', async () => {
    await available();
    const leases = await leasesOf();
    flow.later(LEASE_MS - 1);
    expect(await extend(deps, app, subscription.id, leases, 120)).toMatchObject({ results: [{ ok: true }] });
    flow.later(119_999);
    expect(await receiving()).toEqual([]);
    flow.later(1);
    expect(await receiving()).toHaveLength(1);
  });

  test('to 0 releases at once', async () => {
    await available();
    await extend(deps, app, subscription.id, await leasesOf(), 0);
    expect(await receiving()).toHaveLength(1);
  });

  test('of what has ended is told so', async () => {
    await available();
    const leases = await leasesOf();
    flow.later(LEASE_MS);
    expect(await extend(deps, app, subscription.id, leases, 60)).toMatchObject({ results: [{ ok: false }] });
  });
});

describe('a subscription', () => {
  test('of somebody else is not there', async () => {
    await available();
    const asked = { max: 1, waitSeconds: 0 };
    const calls = [
      receive(deps, lab, subscription.id, asked, letIn),
      ack(deps, lab, subscription.id, ['x']),
      extend(deps, lab, subscription.id, ['x'], 1),
      receive(deps, app, 'sub_none', asked, letIn),
    ];
    for (const call of calls) expect(await problemOf(call)).toMatchObject({ kind: 'not-found' });
    expect(await receiving()).toHaveLength(1);
  });

  test('that delivers to a webhook is not pulled from', async () => {
    const { subscription: hooked } = await flow.begins();
    expect(await problemOf(receive(deps, app, hooked.id, { max: 1, waitSeconds: 0 }, letIn))).toMatchObject({
      kind: 'conflict',
    });
  });

  test('whose queue is being made is asked for again in a while', async () => {
    const { pullQueue: _, ...without } = given.subscription({ ...pull, contract: contract.id });
    await flow.has('subscription', without);
    expect(await problemOf(receive(deps, app, without.id, { max: 1, waitSeconds: 0 }, letIn))).toMatchObject({
      kind: 'unavailable',
    });
  });
});
