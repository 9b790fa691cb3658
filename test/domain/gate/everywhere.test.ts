import { beforeEach, describe, expect, test } from 'vitest';
import { writeArchives } from '../../../domain/archive/archive.ts';
import { releaseDue } from '../../../domain/clock/release.ts';
import { redrive } from '../../../domain/dead-letters/redrive.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import { readHistory } from '../../../domain/history/history.ts';
import { visitPayload } from '../../../domain/payloads/visit.ts';
import { ack, receive } from '../../../domain/pull/pull.ts';
import { advanceReplays } from '../../../domain/replay/advance.ts';
import { startReplay } from '../../../domain/replay/replay.ts';
import { testSubscription } from '../../../domain/subscriptions/subscriptions.ts';
import { recover } from '../../../domain/subscriptions/deliveries.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';
import { flowInMemory, type MemoryFlow, letIn } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';

const app = given.caller('app');
/** So long after a contract stops standing, nothing may begin; what the functions know may be 2 s old. */
const PROMISED_MS = 5000;
const HOUR = 3_600_000;

/** What makes a contract stop standing, and the clause that says so. */
const STOPS: Record<
  string,
  { clause: string; stop: (flow: MemoryFlow, contract: Contract) => Promise<unknown> }
> = {
  'the contract is terminated': {
    clause: 'contract.state=terminated',
    stop: (flow, { id }) => flow.changes('contract', id, { state: 'terminated' }),
  },
  'the contract is suspended': {
    clause: 'contract.state=suspended',
    stop: (flow, { id }) => flow.changes('contract', id, { state: 'suspended' }),
  },
  'its last moment has passed, and the clock has not written it down yet': {
    clause: 'contract.until',
    stop: (flow, { id }) => flow.changes('contract', id, { until: flow.now().toISOString() }),
  },
  'the consumer is suspended': {
    clause: 'consumer.status=suspended',
    stop: (flow) => flow.changes('participant', 'app', { status: 'suspended' }),
  },
  'the provider is suspended': {
    clause: 'provider.status=suspended',
    stop: (flow) => flow.changes('participant', 'atmo', { status: 'suspended' }),
  },
};

describe.each(Object.entries(STOPS))('once %s', (_, { clause, stop }) => {
  let flow: MemoryFlow;
  let contract: Contract;
  let subscription: Subscription;
  const begin = async (destination?: Subscription['destination'], terms?: Contract['terms']) => {
    ({ contract, subscription } = await flow.begins({
      ...(terms && { contract: { terms } }),
      ...(destination && { subscription: { destination } }),
    }));
  };
  const pull = { kind: 'pull', concurrency: 10 } as const;
  const pulling = () => ({ ...flow, sealer: flow.deps.sealer });
  const recorded = (sequence: string, replay?: string) =>
    flow.delivery(deliveryId(sequence, subscription.id, replay));
  const whole = () => ({ from: '2026-01-01T00:00:00.000Z', to: flow.now().toISOString() });

  beforeEach(() => {
    flow = flowInMemory();
  });
  const closes = async () => {
    await stop(flow, contract);
    flow.sender.requests.length = 0;
    flow.later(PROMISED_MS);
  };

  test('nothing is pushed', async () => {
    await begin();
    // The function is warm: it has just read what stood.
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect(flow.sent()).toHaveLength(1);
    await closes();
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    expect(flow.sent()).toEqual([]);
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'withheld', clause });
  });

  test('what is leased cannot be acknowledged, and nothing reappears', async () => {
    await begin(pull);
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    const { messages } = await receive(pulling(), app, subscription.id, { max: 10, waitSeconds: 0 }, letIn);
    expect(messages).toHaveLength(1);
    await closes();
    const leases = messages.map(({ lease }) => lease);
    for (const call of [
      ack(pulling(), app, subscription.id, leases),
      receive(pulling(), app, subscription.id, { max: 10, waitSeconds: 0 }, letIn),
    ]) {
      const { kind, detail } = await problemOf(call);
      expect([kind, detail]).toEqual(['conflict', expect.stringContaining(clause)]);
    }
    flow.later(HOUR);
    expect(
      (await problemOf(receive(pulling(), app, subscription.id, { max: 10, waitSeconds: 0 }, letIn))).kind,
    ).toBe('conflict');
  });

  test('no retry is sent, though it waited for hours', async () => {
    await begin();
    flow.answers(500);
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    const tries = async (): Promise<number> => {
      await releaseDue(flow, flow.now());
      const before = flow.sent().length;
      await flow.wakes();
      return flow.sent().length - before;
    };
    for (const wait of [5000, 300_000, 1_800_000]) {
      flow.later(wait);
      expect(await tries()).toBe(1);
    }
    flow.later(HOUR);
    await closes();
    flow.answers(204);
    flow.later(2 * HOUR);
    expect(await tries()).toBe(0);
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'withheld', clause, attemptCount: 4 });
  });

  test('no delayed event leaves', async () => {
    await begin(undefined, { minimisation: [{ clause: 'later', do: 'delay', by: 'PT2H' }] });
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'delayed' });
    flow.later(HOUR);
    await closes();
    flow.later(2 * HOUR);
    await releaseDue(flow, flow.now());
    await flow.wakes();
    expect(flow.sent()).toEqual([]);
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'withheld', clause });
  });

  test('a running replay sends no more', async () => {
    await begin();
    for (let n = 0; n < 600; n += 1) await flow.accepted({ data: { co2: n } });
    flow.later(1000);
    const replay = await startReplay(flow, app, subscription.id, whole());
    expect(replay).toMatchObject({ status: 'running', sent: 500 });
    const [first, ...waiting] = flow.queue.take();
    await flow.deliver(...(first ? [first] : []));
    expect(flow.sent()).toHaveLength(1);
    await closes();
    await flow.deliver(...waiting.slice(0, 10));
    expect(flow.sent()).toEqual([]);
    expect(await recorded(waiting[0]?.event.sequence ?? '', replay.id)).toMatchObject({
      status: 'withheld',
      clause,
    });
    expect(await advanceReplays(flow, flow.now())).toBe(0);
    expect(flow.queue.take()).toEqual([]);
  });

  test('what was parked is not recovered', async () => {
    await begin();
    await closes();
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    await recover(flow, app, subscription.id, '2026-01-01T00:00:00.000Z');
    await flow.wakes();
    expect(flow.sent()).toEqual([]);
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'withheld', clause });
  });

  test('no archive is written of what waited for it', async () => {
    await begin({ kind: 's3', bucket: 'archive', concurrency: 10 });
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'available' });
    await closes();
    expect(await writeArchives(flow, flow.now())).toBe(0);
    expect([...flow.destinations.parcels]).toEqual([]);
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'withheld', clause });
  });

  test.each([
    ['queue', { kind: 'sqs', queueArn: 'arn:aws:sqs:eu-west-3:222222222222:co2', concurrency: 10 }],
    [
      'bus',
      { kind: 'eventbus', busArn: 'arn:aws:events:eu-west-3:222222222222:event-bus/co2', concurrency: 10 },
    ],
  ] as const)('nothing comes to a %s of the consumer', async (_what, destination) => {
    await begin(destination);
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect([...flow.destinations.parcels.values()].flat()).toHaveLength(1);
    await closes();
    const entry = await flow.accepted();
    await flow.deliver(flow.matched(subscription, entry));
    expect([...flow.destinations.parcels.values()].flat()).toHaveLength(1);
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'withheld', clause });
  });

  test('what an operator sends on out of the dead letters is not sent', async () => {
    await begin();
    const entry = await flow.accepted();
    flow.setAside.put('delivery-dead', { kind: 'delivery', message: flow.matched(subscription, entry) });
    await closes();
    expect(await redrive(flow, 'delivery-dead')).toMatchObject({ redriven: 1 });
    await flow.wakes();
    expect(flow.sent()).toEqual([]);
    expect(await recorded(entry.sequence)).toMatchObject({ status: 'withheld', clause });
  });

  test('not even a test event is sent', async () => {
    await begin();
    await closes();
    const { kind, detail } = await problemOf(testSubscription(flow, app, subscription.id));
    expect([kind, detail]).toEqual(['conflict', expect.stringContaining(clause)]);
    expect(flow.sender.requests).toEqual([]);
  });

  test('no link to large data leads anywhere, not even one that was followed before', async () => {
    await begin();
    const payload = 'until/2026-04-01/one.json';
    await flow.payloads.put({
      name: payload,
      body: Buffer.from('{"co2":1}'),
      contentType: 'application/json',
    });
    const entry = {
      ...(await flow.accepted()),
      key: 'large',
      sequence: flow.nextSequence(flow.now()),
      payload,
    };
    await flow.ledger.append([entry]);
    const deps = { ...flow, sealer: flow.deps.sealer };
    await flow.deliver(flow.matched(subscription, entry));
    const [told] = flow.sender.requests.map(({ body }) => JSON.parse(String(body)) as { dataref: string });
    const id = told?.dataref.split('/').at(-1) ?? '';
    expect(await visitPayload(deps, app, id)).toContain(payload);
    await closes();
    expect(['conflict', 'forbidden']).toContain((await problemOf(visitPayload(deps, app, id))).kind);
  });

  test('no history is read', async () => {
    await begin();
    await flow.accepted();
    flow.later(1000);
    const read = () =>
      readHistory({ ...flow, sealer: flow.deps.sealer }, app, 'school-air', {}, { limit: 50 });
    expect((await read()).items).toHaveLength(1);
    await closes();
    const problem = await problemOf(read());
    expect(['conflict', 'forbidden']).toContain(problem.kind);
  });

  test('no history that was being read when it closed', async () => {
    await begin();
    await flow.accepted();
    flow.later(1000);
    const ledger = {
      ...flow.ledger,
      read: async (...given: Parameters<typeof flow.ledger.read>) => {
        await stop(flow, contract);
        return flow.ledger.read(...given);
      },
    };
    const read = readHistory(
      { ...flow, ledger, sealer: flow.deps.sealer },
      app,
      'school-air',
      {},
      { limit: 50 },
    );
    expect(['conflict', 'forbidden']).toContain((await problemOf(read)).kind);
  });
});
