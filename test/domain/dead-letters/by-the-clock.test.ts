import { beforeEach, describe, expect, test } from 'vitest';
import { tendDeadLetters } from '../../../domain/dead-letters/by-the-clock.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { DeliveryMessage, LedgerEntry } from '../../../domain/ports.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { type Break, flowInMemory, type MemoryFlow } from '../deliver/flow.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
let flow: MemoryFlow;
let breaks: Break;
let subscription: Subscription;
beforeEach(async () => {
  breaks = () => undefined;
  flow = flowInMemory({ breaks: (port, call) => breaks(port, call) });
  ({ subscription } = await flow.begins());
});

const beat = () => tendDeadLetters(flow, flow.now());
const nothing = { lettersSentOn: 0, lettersParked: 0 };
const delivery = ({ sequence }: LedgerEntry) => flow.delivery(deliveryId(sequence, subscription.id));
const aside = (message: DeliveryMessage): void =>
  flow.setAside.put('delivery-dead', { kind: 'delivery', message });
/** A delivery that the mesh has failed on ten times. */
async function setAside(more: Partial<DeliveryMessage> = {}): Promise<LedgerEntry> {
  const entry = await flow.accepted();
  aside({ ...flow.matched(subscription, entry), ...more });
  return entry;
}

describe('deliveries that the mesh set aside', () => {
  test('go again after a quarter of an hour, and arrive once', async () => {
    const entry = await setAside();
    flow.later(15 * MINUTE - 1);
    expect(await beat()).toEqual(nothing);
    flow.later(15 * MINUTE);
    expect(await beat()).toEqual({ lettersSentOn: 1, lettersParked: 0 });
    expect(flow.setAside.letters).toEqual([]);
    await flow.wakes();
    expect(await delivery(entry)).toMatchObject({ status: 'delivered' });
    expect(flow.sent()).toHaveLength(1);
  });

  test('outlive an outage of the registry of three hours without anybody', async () => {
    const entries = [await setAside(), await setAside()];
    let broken = true;
    breaks = (port, call) => (broken && port === 'registry' && call === 'readAll' ? 'before' : undefined);
    for (let minutes = 0; minutes < 300; minutes += 5) {
      flow.later(5 * MINUTE);
      broken = minutes < 180;
      await beat();
      const messages = flow.queue.take();
      const { failed } = await flow.deliver(...messages);
      for (const index of failed) aside(messages[index] as DeliveryMessage);
    }
    for (const entry of entries) expect(await delivery(entry)).toMatchObject({ status: 'delivered' });
    expect(flow.sent()).toHaveLength(2);
  });

  test('that crash each time go ever more rarely, and are parked before their queue drops them', async () => {
    const entry = await setAside();
    let [sentOn, parked] = [0, 0];
    for (let quarters = 0; quarters < 20 * 96 && parked === 0; quarters += 1) {
      flow.later(15 * MINUTE);
      const tended = await beat();
      sentOn += tended.lettersSentOn;
      parked += tended.lettersParked;
      flow.queue.take().forEach(aside);
      const [letter] = flow.setAside.letters;
      const age = letter ? flow.now().getTime() - letter.since.getTime() : 0;
      expect(age, 'SQS drops what is older than 14 days').toBeLessThan(13 * DAY);
    }
    expect([sentOn, parked]).toEqual([6, 1]);
    expect(await delivery(entry)).toMatchObject({
      status: 'parked',
      clause: 'mesh.failed',
      attemptCount: 0,
    });
    expect(flow.setAside.letters).toEqual([]);
    expect(await flow.noticesOf('app')).toEqual(['maille.delivery.parked.v1']);
    flow.later(2000);
    await flow.recovers(subscription.id);
    await flow.wakes();
    expect(await delivery(entry)).toMatchObject({ status: 'delivered' });
  });

  test('are not parked where they arrived after all, nor where they go on by themselves', async () => {
    const [arrived, waits] = [await setAside({ redriven: 9 }), await setAside({ redriven: 9 })];
    await flow.deliver(flow.matched(subscription, arrived));
    flow.answers(500);
    await flow.deliver(flow.matched(subscription, waits));
    flow.later(12 * DAY);
    expect(await beat()).toEqual(nothing);
    expect(flow.setAside.letters).toEqual([]);
    expect(await delivery(arrived)).toMatchObject({ status: 'delivered' });
    expect(await delivery(waits)).toMatchObject({ status: 'retrying' });
  });

  test('that a rule could not hand over go too', async () => {
    const entry = await flow.accepted();
    const { key, sequence } = entry;
    const event = { key, sequence };
    flow.setAside.put('rule-dead', { kind: 'matched', subscription: subscription.id, event });
    flow.later(15 * MINUTE);
    expect(await beat()).toEqual({ lettersSentOn: 1, lettersParked: 0 });
    await flow.wakes();
    expect(await delivery(entry)).toMatchObject({ status: 'delivered' });
  });

  test('stay for others to see where they cannot be read, and where sending breaks', async () => {
    await setAside();
    flow.setAside.put('delivery-dead', { kind: 'unreadable' });
    flow.later(15 * MINUTE);
    breaks = (port, call) => (port === 'queue' && call === 'send' ? 'before' : undefined);
    await expect(beat()).rejects.toThrow('queue.send');
    expect(await flow.setAside.take('delivery-dead')).toHaveLength(2);
    flow.setAside.visible();
    breaks = () => undefined;
    expect(await beat()).toEqual({ lettersSentOn: 1, lettersParked: 0 });
    expect(await flow.setAside.take('delivery-dead')).toMatchObject([{ letter: { kind: 'unreadable' } }]);
  });
});

describe('entries of ingress buses that were neither accepted nor refused', () => {
  const entry = (id: string) => ({
    participant: 'atmo',
    event: { id, 'detail-type': 'org.example.co2.v1', time: '2026-03-01T10:00:00Z', detail: { co2: 1 } },
  });

  test('are admitted by the clock, one that fails each time holds up no other and stays', async () => {
    for (const id of ['bad', 'good']) flow.setAside.put('admit-dead', { kind: 'entry', entry: entry(id) });
    const admitted: string[] = [];
    const deps = {
      ...flow,
      admitAgain: async ({ event }: { event: { id: string } }) => {
        if (event.id === 'bad') throw new Error('admit failed: Unhandled');
        admitted.push(event.id);
      },
    };
    flow.later(15 * MINUTE - 1);
    expect(await tendDeadLetters(deps, flow.now())).toEqual(nothing);
    flow.later(15 * MINUTE);
    expect(await tendDeadLetters(deps, flow.now())).toEqual({ lettersSentOn: 1, lettersParked: 0 });
    expect(admitted).toEqual(['good']);
    expect(await flow.setAside.take('admit-dead')).toMatchObject([{ letter: { entry: entry('bad') } }]);
  });
});
