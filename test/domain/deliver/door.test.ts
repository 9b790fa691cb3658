import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { deliver } from '../../../domain/deliver/deliver.ts';
import { givePlaces, takeOfMinute, takePlaces } from '../../../domain/deliver/turnstile.ts';
import type { DeliveryMessage, Passage } from '../../../domain/ports.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';
import { type Break, flowInMemory, type MemoryFlow } from './flow.ts';

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

const counted = (): number => calls.filter((call) => call.startsWith('passages.')).length;
const destination = (concurrency: number): Subscription['destination'] => ({
  ...given.subscription().destination,
  concurrency,
});
const ownership = (allowedRate: number | '*') => ({
  proof: 'handshake' as const,
  origin: 'mesh.example.org',
  since: '2026-03-01T09:00:00.000Z',
  allowedRate,
});
async function accepts(subscription: Subscription, count: number): Promise<DeliveryMessage[]> {
  const messages: DeliveryMessage[] = [];
  for (let made = 0; made < count; made += 1)
    messages.push(flow.matched(subscription, await flow.accepted()));
  return messages;
}
const listed = async ({ id }: Subscription) => (await flow.deliveries.list(id, {}, { limit: 200 })).items;
const delivered = async (subscription: Subscription): Promise<number> =>
  (await listed(subscription)).filter(({ status }) => status === 'delivered').length;

describe('the concurrency of a destination below what one function may have', () => {
  /** A receiver that answers when it is told to; how many requests it has open, and had at most. */
  function slowly(): { most: () => number; open: () => number; answer: () => void } {
    const waiting: (() => void)[] = [];
    let [open, most] = [0, 0];
    flow.sender.send = async () => {
      open += 1;
      most = Math.max(most, open);
      await new Promise<void>((resolve) => void waiting.push(resolve));
      open -= 1;
      return { kind: 'answer', status: 204, body: '' };
    };
    return { most: () => most, open: () => open, answer: () => waiting.splice(0).forEach((one) => one()) };
  }
  const settled = () => new Promise((resolve) => void setTimeout(resolve, 5));

  test('is never exceeded by functions side by side, and all arrives', async () => {
    const { subscription } = await flow.begins({ subscription: { destination: destination(3) } });
    const receiver = slowly();
    const functions = Array.from({ length: 5 }, () => flow.another());
    let open = functions.length;
    const runs = functions.map(async (one) =>
      one.deliver(...(await accepts(subscription, 8))).finally(() => (open -= 1)),
    );
    while (open > 0) {
      await settled();
      receiver.answer();
    }
    expect((await Promise.all(runs)).flatMap(({ failed }) => failed)).toEqual([]);
    for (let rounds = 0; rounds < 30 && (await delivered(subscription)) < 40; rounds += 1) {
      flow.later(6000);
      const run = flow.wakes();
      for (let turn = 0; turn < 20; turn += 1) {
        await settled();
        receiver.answer();
      }
      await run;
    }
    expect(await delivered(subscription)).toBe(40);
    expect(receiver.most()).toBe(3);
  });

  test('holds back what others have no place for, unattempted, and gives places back', async () => {
    const { subscription } = await flow.begins({ subscription: { destination: destination(2) } });
    const receiver = slowly();
    const first = flow.deliver(...(await accepts(subscription, 2)));
    await settled();
    await flow.another().deliver(...(await accepts(subscription, 2)));
    expect(receiver.open()).toBe(2);
    const held = (await listed(subscription)).filter(({ status }) => status === 'delayed');
    expect(held).toMatchObject([
      { attemptCount: 0, clause: 'destination.concurrency' },
      { attemptCount: 0, clause: 'destination.concurrency' },
    ]);
    receiver.answer();
    await first;
    flow.later(6000);
    const second = flow.wakes();
    await settled();
    receiver.answer();
    await second;
    expect(await delivered(subscription)).toBe(4);
  });

  test('whose function crashed is free again once its time is over', () => {
    const now = new Date('2026-03-01T10:00:00Z');
    const until = new Date(now.getTime() + 45_000);
    const { passage, got } = takePlaces(undefined, { name: 'crashed', atOnce: 2, wanted: 5, until }, now);
    expect(got).toBe(2);
    const taking = { name: 'other', atOnce: 2, wanted: 1, until };
    expect(takePlaces(passage, taking, new Date(until.getTime() - 1)).got).toBe(0);
    expect(takePlaces(passage, taking, until).got).toBe(1);
    expect(takePlaces(givePlaces(passage, 'crashed'), taking, now).got).toBe(1);
  });

  test('holds all where it cannot be counted, and sends nothing', async () => {
    const { subscription } = await flow.begins({ subscription: { destination: destination(1) } });
    breaks = (port) => (port === 'passages' ? 'before' : undefined);
    const report = await flow.deliver(...(await accepts(subscription, 2)));
    expect(report).toMatchObject({ failed: [0, 1], records: [] });
    expect(flow.sent()).toEqual([]);
  });
});

describe('the rate that a receiver allowed', () => {
  const rated = async (allowedRate: number | '*', concurrency = 10) =>
    (
      await flow.begins({
        subscription: { destination: destination(concurrency), ownership: ownership(allowedRate) },
      })
    ).subscription;

  test('holds over all functions: the others wait for one of the next minutes, unattempted, none is lost', async () => {
    const subscription = await rated(5);
    await flow.deliver(...(await accepts(subscription, 8)));
    await flow.another().deliver(...(await accepts(subscription, 8)));
    expect(flow.sent()).toHaveLength(5);
    const later = (await listed(subscription)).filter(({ status }) => status === 'delayed');
    expect(later).toHaveLength(11);
    expect(later[0]).toMatchObject({ attemptCount: 0, clause: 'destination.rate' });
    for (const most of [10, 15, 16]) {
      flow.later(60_000);
      await flow.wakes();
      expect(flow.sent().length).toBe(most);
    }
    expect(await delivered(subscription)).toBe(16);
    expect(new Set(flow.sent()).size).toBe(16);
  });

  test('costs no call where there is none, or any is allowed', async () => {
    for (const subscription of [await rated('*'), (await flow.begins()).subscription])
      await flow.deliver(...(await accepts(subscription, 10)));
    expect(flow.sent()).toHaveLength(20);
    expect(counted()).toBe(0);
  });

  test('costs two calls for a batch, and none for what is withheld', async () => {
    const subscription = await rated(100);
    await flow.deliver(...(await accepts(subscription, 10)));
    expect(counted()).toBe(2);
    await flow.changes('subscription', subscription.id, { status: 'paused' });
    flow.later(3000);
    await flow.deliver(...(await accepts(subscription, 10)));
    expect(counted()).toBe(2);
  });

  test('is never more in a minute, whatever comes when: property', () => {
    const step = fc.record({
      wanted: fc.integer({ min: 1, max: 10 }),
      ms: fc.integer({ min: -5000, max: 90_000 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 40 }), (perMinute, steps) => {
        let passage: Passage | undefined;
        let at = Date.parse('2026-03-01T10:00:00Z');
        const went = new Map<number, number>();
        for (const { wanted, ms } of steps) {
          at += ms;
          const taken = takeOfMinute(passage, { perMinute, wanted }, new Date(at));
          passage = taken.passage;
          went.set(passage.minute, (went.get(passage.minute) ?? 0) + taken.got);
          expect(taken.got + taken.later.length).toBe(wanted);
          for (const one of taken.later) expect(one.getTime()).toBeGreaterThan(at);
        }
        for (const count of went.values()) expect(count).toBeLessThanOrEqual(perMinute);
      }),
    );
  });
});

test('an archive, a queue and a batch are asked for nothing', async () => {
  const { subscription } = await flow.begins({
    subscription: {
      destination: { kind: 'sqs', queueArn: 'arn:aws:sqs:eu-west-3:111111111111:theirs', concurrency: 1 },
    },
  });
  await deliver(flow.deps, await accepts(subscription, 3));
  expect(counted()).toBe(0);
});
