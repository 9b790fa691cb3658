import { beforeEach, describe, expect, test } from 'vitest';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { Handover, HandoverAnswer } from '../../../domain/ports.ts';
import { flowInMemory, type MemoryFlow } from './flow.ts';

const queueArn = 'arn:aws:sqs:eu-west-3:111122223333:air-quality';
const toQueue = { destination: { kind: 'sqs', queueArn, concurrency: 10 }, secrets: [] } as const;
const refused: HandoverAnswer = { kind: 'refused', error: 'AccessDenied: add this statement' };

let flow: MemoryFlow;
let handed: Handover[];
beforeEach(() => {
  flow = flowInMemory();
  handed = [];
  const { handOver } = flow.deps;
  flow.deps.handOver = (handover) => {
    handed.push(handover);
    return handOver(handover);
  };
});

const parcels = () => flow.destinations.parcels.get(queueArn) ?? [];

/** So many events for a subscription to the queue, delivered in one batch. */
async function delivered(count: number, story: Parameters<MemoryFlow['begins']>[0] = {}) {
  const { subscription, contract } = await flow.begins({
    ...story,
    subscription: { ...toQueue, secrets: [] },
  });
  const entries = [];
  for (let co2 = 0; co2 < count; co2 += 1)
    entries.push(await flow.accepted({ data: { co2, teacher: 'Curie' } }));
  const report = await flow.deliver(...entries.map((entry) => flow.matched(subscription, entry)));
  return { subscription, contract, entries, report };
}

describe('a queue', () => {
  test('gets what one invocation has for it at once, minimised, and each delivery is recorded', async () => {
    const minimisation = [{ clause: 'no-teacher', do: 'drop', path: '/data/teacher' } as const];
    const { subscription, entries, report } = await delivered(3, { contract: { terms: { minimisation } } });
    expect(report).toMatchObject({ failed: [], dropped: 0 });
    expect(handed.map((one) => one.parcels.length)).toEqual([3]);
    expect(parcels().map(({ event }) => event.data)).toEqual([{ co2: 0 }, { co2: 1 }, { co2: 2 }]);
    for (const { sequence } of entries) {
      expect(await flow.delivery(deliveryId(sequence, subscription.id))).toMatchObject({
        status: 'delivered',
        verdict: 'redact',
        attempts: [{ answer: expect.stringMatching(/^dlv_/) }],
        countedOn: '2026-03-01',
      });
    }
  });

  test('that takes some of them gets the others again, alone', async () => {
    flow.destinations.answer = (_, { delivery, event }) =>
      (event.data as { co2: number }).co2 === 1 ? refused : { kind: 'accepted', receipt: delivery };
    const { report } = await delivered(3);
    expect(report.records.map(({ status }) => status)).toEqual(['delivered', 'retrying', 'delivered']);
    expect(report.records[1]?.attempts).toMatchObject([{ error: 'AccessDenied: add this statement' }]);
    expect(report.records[1]?.countedOn).toBeUndefined();
    flow.destinations.answer = (_, { delivery }) => ({ kind: 'accepted', receipt: delivery });
    flow.later(5000);
    await flow.wakes();
    expect(handed.map((one) => one.parcels.length)).toEqual([3, 1]);
    expect(parcels().map(({ event }) => (event.data as { co2: number }).co2)).toEqual([0, 2, 1]);
  });

  test('that refuses for good parks, and makes its subscription failing', async () => {
    flow.destinations.answer = () => refused;
    const { subscription, entries } = await delivered(1);
    const id = deliveryId(entries[0]?.sequence ?? '', subscription.id);
    for (let wait = 0; wait < 30 && (await flow.delivery(id))?.status === 'retrying'; wait += 1) {
      const before = await flow.delivery(id);
      await flow.deliver({
        ...flow.matched(subscription, entries[0]!),
        again: { delivery: id, attempts: before?.attemptCount ?? 0 },
      });
    }
    expect(await flow.delivery(id)).toMatchObject({ status: 'parked', attemptCount: 8 });
    expect(await flow.subscription(subscription.id)).toMatchObject({ status: 'failing' });
  });

  test('gets nothing once the contract has ended', async () => {
    const { subscription, contract } = await delivered(1);
    await flow.changes('contract', contract.id, { state: 'terminated' });
    flow.later(5000);
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect(parcels()).toHaveLength(1);
  });

  test('gets nothing by a verdict that has become too old while another was made ready', async () => {
    const { subscription } = await flow.begins({ subscription: { ...toQueue, secrets: [] } });
    const { derive } = flow.deps.sealer;
    const minimisation = [{ clause: 'who', do: 'pseudonymise', path: '/data/room', rotate: 'P1D' } as const];
    await flow.changes('contract', subscription.contract, { terms: { minimisation } });
    let slow = true;
    flow.deps.sealer.derive = async (purpose) => {
      const first = slow;
      slow = false;
      if (first) flow.later(3000);
      if (first) await flow.changes('contract', subscription.contract, { state: 'suspended' });
      return derive(purpose);
    };
    const entries = [await flow.accepted(), await flow.accepted()];
    const report = await flow.deliver(...entries.map((entry) => flow.matched(subscription, entry)));
    expect(report).toMatchObject({ failed: [] });
    expect(parcels()).toEqual([]);
    expect(report.records.map(({ status }) => status)).toEqual(['withheld', 'withheld']);
  });

  test('and a webhook in one invocation do not wait for each other', async () => {
    const { subscription } = await flow.begins({ subscription: { ...toQueue, secrets: [] } });
    const { subscription: other } = await flow.begins();
    flow.sender.answer = async () => {
      expect(parcels()).toHaveLength(1);
      return { kind: 'answer', status: 204, body: '' };
    };
    const entry = await flow.accepted();
    const report = await flow.deliver(flow.matched(other, entry), flow.matched(subscription, entry));
    expect(report).toMatchObject({ failed: [] });
  });
});
