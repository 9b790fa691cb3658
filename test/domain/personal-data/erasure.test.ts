import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { releaseDue } from '../../../domain/clock/release.ts';
import { acknowledge } from '../../../domain/personal-data/acknowledge.ts';
import { eraseEvent, listErasures } from '../../../domain/personal-data/erase.ts';
import { ARRIVED_AFTER_MS, continueErasures } from '../../../domain/personal-data/receivers.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import { eventKey } from '../../../events/key.ts';
import type { Caller } from '../../../schemas/participant.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';
import { timeFor } from '../clock/portions.ts';
import { flowInMemory, type MemoryFlow } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';

const provider = given.caller('atmo', { roles: ['provider'] });
const dpo = given.caller('city', { roles: ['dpo'] });
const consumer = given.caller('app', { roles: ['consumer'] });
const MARK = 'Mme Martin';

let flow: MemoryFlow;
let subscription: Subscription;
beforeEach(async () => {
  flow = flowInMemory();
  ({ subscription } = await flow.begins());
});

/** An event with a person's name in it, accepted now. */
async function accepted(id = 'badge-1'): Promise<LedgerEntry> {
  const event = given.event({ id, source: '//test/atmo', data: { co2: 1, teacher: MARK } });
  const entry = given.entry({
    key: eventKey('school-air', event.source, id),
    sequence: flow.nextSequence(flow.now()),
    body: JSON.stringify(event),
  });
  await flow.ledger.append([entry]);
  return entry;
}
const erase = (who: Caller = provider, id = 'badge-1') => eraseEvent(flow, who, 'school-air', { id });
const arrive = async (entry: LedgerEntry) => flow.deliver(flow.matched(subscription, entry));
/** Lets the second round come, in which what was on its way is found. */
async function settle(): Promise<void> {
  flow.later(ARRIVED_AFTER_MS);
  await continueErasures(flow, flow.now(), { mayClose: true });
}
const noticesOf = async (participant: string) =>
  (await flow.registry.list('noticesOfParticipant', { participant }, { limit: 50 })).items;

describe('an erased event', () => {
  test('leaves a tombstone without data, and is never taken again', async () => {
    const entry = await accepted();
    await erase();
    expect(await flow.ledger.read([entry.key], flow.now())).toEqual([undefined]);
    expect(await flow.ledger.place(entry.key, flow.now())).toMatchObject({ erased: true });
    const again = { ...entry, sequence: flow.nextSequence(flow.now()) };
    expect(await flow.ledger.append([again])).toEqual(['erased']);
    expect(await flow.ledger.append([{ ...again, digest: 'b'.repeat(64) }])).toEqual(['erased']);
  });

  test('is not delivered, though its copy is in the queue', async () => {
    const entry = await accepted();
    await erase();
    const { records } = await arrive(entry);
    expect(flow.sent()).toEqual([]);
    expect(records).toMatchObject([{ status: 'erased', verdict: 'withhold', clause: 'event.erased' }]);
  });

  test('is not delivered either where so many were erased that they are not named', async () => {
    const spared = await accepted('spared');
    const entry = await accepted();
    for (let index = 0; index < 450; index += 1) {
      await accepted(`e-${index}`);
      await erase(provider, `e-${index}`);
      if (index === 3) await erase();
    }
    const standing = await flow.registry.read('erased', 'school-air');
    expect(Object.keys(standing?.keys ?? {}).length).toBeLessThan(400);
    await arrive(entry);
    expect(flow.sent()).toEqual([]);
    await arrive(spared);
    expect(flow.sent()).toHaveLength(1);
  });

  test.each([
    ['a retry', 500],
    ['a retry after hours', 503],
  ])('ends %s that is pending', async (_, status) => {
    flow.answers(status, status === 503 ? { retryAfter: '7200' } : {});
    const entry = await accepted();
    const { records } = await arrive(entry);
    expect(records[0]?.status).toBe('retrying');
    await erase();
    flow.answers(204);
    flow.later(4 * 3_600_000);
    await releaseDue(flow, flow.now());
    await flow.wakes();
    expect(flow.sent()).toHaveLength(1);
    expect(await flow.delivery(records[0]?.id ?? '')).toMatchObject({ status: 'erased' });
  });

  test('leaves none of what receivers answered, which may repeat it', async () => {
    const entry = await accepted();
    flow.sender.answer = () => ({ kind: 'answer', status: 200, body: `thanks, ${MARK}` });
    const { records } = await arrive(entry);
    await erase();
    const kept = await flow.delivery(records[0]?.id ?? '');
    expect(kept).toMatchObject({ status: 'delivered', attempts: [{ status: 200 }] });
    expect(JSON.stringify(kept)).not.toContain(MARK);
  });
});

describe('who received it', () => {
  test('is told once, by its delivery, and can acknowledge; who did not is not told', async () => {
    const other = await flow.begins({ contract: { consumer: 'lab' }, subscription: { consumer: 'lab' } });
    const entry = await accepted();
    const { records } = await arrive(entry);
    const erasure = await erase();
    expect(erasure).toMatchObject({ told: 1, acknowledged: 0, state: 'open' });
    await erase(dpo);
    await settle();
    const [notice, ...more] = await noticesOf('app');
    expect(more).toEqual([]);
    expect(notice).toMatchObject({
      type: 'maille.event.erased.v1',
      subject: erasure.id,
      data: { delivery: records[0]?.id, event: { id: 'badge-1', source: '//test/atmo' } },
    });
    expect(await noticesOf(other.contract.consumer)).toEqual([]);
    await acknowledge(flow, consumer, notice?.id ?? '');
    const first = await flow.registry.read('notice', notice?.id ?? '');
    flow.later(1000);
    await acknowledge(flow, consumer, notice?.id ?? '');
    const { items } = await listErasures(flow.registry, provider, 'school-air', { limit: 10 });
    expect(items).toMatchObject([
      {
        event: 'badge-1',
        state: 'done',
        told: 1,
        acknowledged: 1,
        recipients: [{ participant: 'app', acknowledgedAt: first?.acknowledgedAt }],
      },
    ]);
  });

  test('is told by the id that it got, where the contract pseudonymises', async () => {
    const minimisation = [
      { clause: 'no-names', do: 'pseudonymise' as const, path: '/data/teacher', rotate: 'P30D' },
    ];
    flow = flowInMemory();
    ({ subscription } = await flow.begins({ contract: { terms: { minimisation } } }));
    const entry = await accepted();
    await arrive(entry);
    const sent = JSON.parse(String(flow.sender.requests[0]?.body)) as { id: string };
    await erase();
    const [notice] = await noticesOf('app');
    expect(sent.id).toMatch(/^ps_/);
    expect(notice?.data).toMatchObject({ event: { id: sent.id } });
    expect(JSON.stringify(notice)).not.toContain('badge-1');
  });

  test('is told though its request was under way when the event was erased', async () => {
    const entry = await accepted();
    flow.sender.answer = async () => {
      await erase();
      return { kind: 'answer', status: 204, body: '' };
    };
    await arrive(entry);
    expect(await noticesOf('app')).toEqual([]);
    await settle();
    expect(await noticesOf('app')).toHaveLength(1);
  });

  test('is told when an attempt failed: it may have been read all the same', async () => {
    flow.answers(500);
    await arrive(await accepted());
    await erase();
    expect(await noticesOf('app')).toHaveLength(1);
  });

  test('is found among many contracts, a step at each beat', async () => {
    const entry = await accepted();
    for (let index = 0; index < 60; index += 1) {
      const { subscription: one } = await flow.begins({
        contract: { consumer: `lab-${index}` },
        subscription: { consumer: `lab-${index}` },
      });
      await flow.has('participant', given.participant({ id: `lab-${index}` }));
      await flow.deliver(flow.matched(one, entry));
    }
    const { told } = await erase();
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(60);
    for (let beat = 0; beat < 8; beat += 1) await settle();
    const { items } = await listErasures(flow.registry, dpo, 'school-air', { limit: 10 });
    expect(items).toMatchObject([{ state: 'done', told: 60 }]);
  });
});

describe('erasing', () => {
  test('is for the provider and the DPO alone', async () => {
    await accepted();
    const stranger = given.caller('other', { roles: ['provider'] });
    expect(await problemOf(erase(stranger))).toMatchObject({ kind: 'not-found' });
    expect(await problemOf(listErasures(flow.registry, stranger, 'school-air', { limit: 1 }))).toMatchObject({
      kind: 'not-found',
    });
    expect(await erase(dpo)).toMatchObject({ by: 'city' });
  });

  test('needs an event that is there', async () => {
    expect(await problemOf(erase(provider, 'nobody'))).toMatchObject({ kind: 'not-found' });
  });

  test('broken off at any place is done when it is asked for again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('registry.write', 'registry.readAll', 'ledger.erase', 'deliveries.replace'),
        fc.constantFrom('before' as const, 'after' as const),
        async (where, when) => {
          let broken = false;
          flow = flowInMemory({
            breaks: (port, call) => (broken && `${port}.${call}` === where ? when : undefined),
          });
          ({ subscription } = await flow.begins());
          const entry = await accepted();
          await arrive(entry);
          broken = true;
          await erase().catch(() => undefined);
          broken = false;
          await erase();
          await settle();
          expect(await noticesOf('app')).toHaveLength(1);
          expect(await flow.ledger.read([entry.key], flow.now())).toEqual([undefined]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('among many has its turn, where one beat has no time for all', async () => {
    for (const id of ['badge-1', 'badge-2', 'badge-3']) {
      await accepted(id);
      await erase(provider, id);
    }
    flow.later(ARRIVED_AFTER_MS);
    const steps: number[] = [];
    for (let beats = 0; beats < 4; beats += 1) {
      steps.push(await continueErasures(flow, flow.now(), { mayClose: true, goesOn: timeFor(1) }));
      flow.later(60_000);
    }
    expect(steps).toEqual([1, 1, 1, 0]);
  });

  test('begun and forgotten by who asked is finished by the clock', async () => {
    let broken = false;
    flow = flowInMemory({
      breaks: (port, call) => (broken && `${port}.${call}` === 'ledger.erase' ? 'before' : undefined),
    });
    ({ subscription } = await flow.begins());
    const entry = await accepted();
    broken = true;
    await expect(erase()).rejects.toThrow('broke');
    broken = false;
    await continueErasures(flow, flow.now(), { mayClose: true });
    expect(await flow.ledger.read([entry.key], flow.now())).toEqual([undefined]);
  });
});
