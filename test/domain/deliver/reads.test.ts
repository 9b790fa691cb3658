import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { standingReader } from '../../../domain/deliver/standing.ts';
import type { Registry } from '../../../domain/ports.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { flowInMemory, type MemoryFlow } from './flow.ts';

/** How old what the verdict reads may be: within this time one warm function reads nothing twice. */
const FRESHNESS_MS = 2000;
const CONTRACTS = 3;
const SUBSCRIPTIONS_OF_EACH = 2;

/** A warm function, and when it read what of the registry, by noun and id. */
function counted(): { flow: MemoryFlow; reads: Map<string, number[]> } {
  const flow = flowInMemory();
  const reads = new Map<string, number[]>();
  const readAll: Registry['readAll'] = (refs) => {
    for (const { noun, id } of refs) {
      const times = reads.get(`${noun} ${id}`) ?? [];
      reads.set(`${noun} ${id}`, [...times, flow.now().getTime()]);
    }
    return flow.registry.readAll(refs);
  };
  const now = (): number => flow.now().getTime();
  flow.deps.standings = standingReader({ readAll }, { maxAgeMs: FRESHNESS_MS, now });
  return { flow, reads };
}

async function subscribed(flow: MemoryFlow): Promise<Subscription[]> {
  const all: Subscription[] = [];
  for (let made = 0; made < CONTRACTS; made += 1) {
    const contract = await flow.agrees();
    // As many at once as a batch has, and one after the other: what was judged first may be stale when these are.
    for (const concurrency of [10, 1]) {
      const url = 'https://app.example.org/hook';
      const destination = { kind: 'webhook', url, mode: 'structured', concurrency } as const;
      all.push(await flow.subscribes(contract, { destination }));
    }
  }
  return all;
}

/** The shortest time between two reads of one thing. */
const closest = (times: number[]): number =>
  Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)));

describe('a warm function reads each contract at most once in two seconds', () => {
  /** Batches as the queue gives them: whose messages, what time passes before, and how long each receiver takes. */
  const load = fc.array(
    fc.record({
      of: fc.array(fc.nat(CONTRACTS * SUBSCRIPTIONS_OF_EACH - 1), { minLength: 1, maxLength: 10 }),
      afterMs: fc.integer({ min: 0, max: 1500 }),
      takesMs: fc.constantFrom(0, 3, 400, 1900),
    }),
    { minLength: 2, maxLength: 25 },
  );

  test('whatever the load: property', async () => {
    let most = 0;
    await fc.assert(
      fc.asyncProperty(load, async (batches) => {
        const { flow, reads } = counted();
        const subscriptions = await subscribed(flow);
        let delivered = 0;
        for (const { of, afterMs, takesMs } of batches) {
          flow.later(afterMs);
          flow.sender.answer = async () => {
            await Promise.resolve();
            flow.later(takesMs);
            return { kind: 'answer', status: 204, body: '' };
          };
          const messages = [];
          for (const at of of)
            messages.push(flow.matched(subscriptions[at] as Subscription, await flow.accepted()));
          // Where time leaps again and again while a request is made, its message is held, and comes again.
          const { records } = await flow.deliver(...messages);
          delivered += records.filter(({ status }) => status === 'delivered').length;
        }
        expect(flow.sent()).toHaveLength(delivered);
        for (const times of reads.values()) expect(closest(times)).toBeGreaterThanOrEqual(FRESHNESS_MS);
        most = Math.max(most, ...[...reads.values()].map(({ length }) => length));
      }),
      { numRuns: 200 },
    );
    // Time passed in them: nothing was read just once.
    expect(most).toBeGreaterThan(2);
  });

  test('a thousand deliveries of one contract within that time cost one read of it', async () => {
    const { flow, reads } = counted();
    const { contract, subscription } = await flow.begins();
    for (let batch = 0; batch < 100; batch += 1) {
      const entries = [];
      for (let n = 0; n < 10; n += 1) entries.push(await flow.accepted());
      await flow.deliver(...entries.map((entry) => flow.matched(subscription, entry)));
      flow.later(19);
    }
    expect(flow.sent()).toHaveLength(1000);
    expect(reads.get(`contract ${contract.id}`)).toHaveLength(1);
    flow.later(FRESHNESS_MS);
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    expect(reads.get(`contract ${contract.id}`)).toHaveLength(2);
  });
});
