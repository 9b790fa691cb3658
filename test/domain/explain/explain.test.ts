import { describe, expect, test } from 'vitest';
import { explain } from '../../../domain/explain/explain.ts';
import { UNKNOWN } from '../../../domain/explain/explanation.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import type { MinimisationClause } from '../../../schemas/dataset.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import { given, TYPE } from '../../given.ts';
import { flowInMemory } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';
import { accepted, ask, SOURCE } from './asking.ts';

const pseudonymised: MinimisationClause = {
  clause: 'room',
  do: 'pseudonymise',
  path: '/data/room',
  rotate: 'P1D',
};

describe('an event that was delivered', () => {
  test('is told with its delivery and the clause', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins();
    const entry = await accepted(flow);
    const { records } = await flow.deliver(flow.matched(subscription, entry));
    const told = await ask(flow, subscription, entry.id);
    expect(told).toEqual({
      outcome: 'delivered',
      decidedBy: { step: 'deliver', clause: 'contract.terms' },
      detail: 'The contract covers it.',
      delivery: records[0]?.id,
    });
    expect(await ask(flow, subscription, entry.id, 'atmo')).toEqual(told);
  });

  test('is found by the pseudonym that it was delivered under; by its own id only the bare outcome is told', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins({ contract: { terms: { minimisation: [pseudonymised] } } });
    const entry = await accepted(flow, { data: { co2: 1, room: 'B12' } });
    const { records } = await flow.deliver(flow.matched(subscription, entry));
    const delivered = JSON.parse(String(flow.sender.requests[0]?.body)) as CloudEvent;
    expect(delivered.id).not.toBe(entry.id);
    expect(await ask(flow, subscription, delivered.id)).toMatchObject({
      outcome: 'delivered',
      delivery: records[0]?.id,
    });
    expect(await ask(flow, subscription, delivered.id, 'app', '//test/other')).toEqual(UNKNOWN);
    const bare = await ask(flow, subscription, entry.id);
    expect(bare).not.toHaveProperty('delivery');
    expect(bare.outcome).toBe('delivered');
    expect(await ask(flow, subscription, entry.id, 'atmo')).toHaveProperty('delivery');
  });

  test.each([
    [
      500,
      'retrying',
      'The receiver answered 500 to attempt 1. It goes again at 2026-03-01T10:02:05.000Z or soon after.',
    ],
    [410, 'gone', 'The receiver answered 410 to attempt 1. It has said that it is gone for good.'],
  ])('but not taken: %i is %s', async (status, outcome, detail) => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins();
    flow.answers(status);
    const entry = await accepted(flow);
    await flow.deliver(flow.matched(subscription, entry));
    expect(await ask(flow, subscription, entry.id)).toMatchObject({
      outcome,
      decidedBy: { step: 'deliver', state: outcome },
      detail,
    });
  });

  test('beyond the quota, late, or under a contract that stands no more: the clause', async () => {
    const flow = flowInMemory();
    const late: MinimisationClause = { clause: 'late', do: 'delay', by: 'PT1H' };
    const terms = { minimisation: [late], quota: { events: 1, per: 'P1D' as const } };
    const { subscription, contract } = await flow.begins({ contract: { terms } });
    const [one, two] = [await accepted(flow), await accepted(flow)];
    await flow.deliver(flow.matched(subscription, one), flow.matched(subscription, two));
    expect(await ask(flow, subscription, one.id)).toMatchObject({
      outcome: 'delayed',
      decidedBy: { clause: 'minimisation.late' },
    });
    flow.later(3_600_000);
    await flow.changes('contract', contract.id, { terms: { ...terms, minimisation: [] } });
    const again = (entry: LedgerEntry) => flow.matched(subscription, entry);
    await flow.deliver(again(one), again(two));
    const told = await ask(flow, subscription, two.id);
    expect(told).toMatchObject({ outcome: 'withheld', decidedBy: { step: 'deliver', clause: 'quota.P1D' } });
    expect(told.detail).toContain('1 events a day');
    expect(told.detail).toContain('2026-03-02T00:00:00.000Z');
  });

  test('that waits under a contract which has been ended is withheld by its state', async () => {
    const flow = flowInMemory();
    const { subscription, contract } = await flow.begins({
      subscription: { destination: { kind: 'pull', concurrency: 10 } },
    });
    const entry = await accepted(flow);
    await flow.deliver(flow.matched(subscription, entry));
    expect(await ask(flow, subscription, entry.id)).toMatchObject({ outcome: 'available' });
    await flow.changes('contract', contract.id, { state: 'terminated' });
    expect(await ask(flow, subscription, entry.id)).toMatchObject({
      outcome: 'withheld',
      decidedBy: { step: 'contract', clause: 'contract.state=terminated' },
    });
  });
});

describe('an event that did not match', () => {
  const filter = { data: { co2: [{ numeric: ['>', 1000] }] } };

  test('is told with the key that missed and what it has there', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins({ subscription: { filter } });
    const entry = await accepted(flow, { data: { co2: 800, teacher: 'X' } });
    const told = await ask(flow, subscription, entry.id);
    expect(told).toEqual({
      outcome: 'not-matched',
      decidedBy: { step: 'rule', filterKey: '/data/co2', value: 800 },
      detail: "The filter's key /data/co2 did not match: the event has 800 there.",
    });
    expect(await ask(flow, subscription, entry.id, 'atmo')).toEqual(told);
  });

  test.each([
    ['the contract is suspended', { state: 'suspended' as const }],
    [
      'its delay is not over',
      { terms: { minimisation: [{ clause: 'late', do: 'delay' as const, by: 'PT1H' }] } },
    ],
  ])('is told with the key alone where %s', async (_, contract) => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins({ subscription: { filter }, contract });
    const entry = await accepted(flow, { data: { co2: 800 } });
    const told = await ask(flow, subscription, entry.id);
    expect(told.decidedBy).toEqual({ step: 'rule', filterKey: '/data/co2' });
    expect(told.detail).not.toMatch(/\b800\b/);
  });

  test('because the contract has come to hide what the filter reaches', async () => {
    const flow = flowInMemory();
    const terms = { minimisation: [{ clause: 'air', do: 'drop' as const, path: '/data/co2' }] };
    const { subscription } = await flow.begins({ subscription: { filter }, contract: { terms } });
    const told = await ask(flow, subscription, (await accepted(flow, { data: { co2: 800 } })).id);
    expect(told).toMatchObject({ decidedBy: { clause: 'subscription.filter=minimisation.air' } });
    expect(JSON.stringify(told)).not.toMatch(/\b800\b/);
  });

  test('the same whether the filter had let it pass or not, where the contract has come to hide what it reaches', async () => {
    const flow = flowInMemory();
    const terms = { minimisation: [{ clause: 'air', do: 'drop' as const, path: '/data/co2' }] };
    const { subscription } = await flow.begins({ subscription: { filter }, contract: { terms } });
    const passed = await accepted(flow, { data: { co2: 1800 } });
    await flow.deliver(flow.matched(subscription, passed));
    const other = await accepted(flow, { data: { co2: 800 } });
    expect(await ask(flow, subscription, passed.id)).toEqual(await ask(flow, subscription, other.id));
  });

  test.each([
    ['contract.types', { contract: { types: ['org.example.other.v1'] } }],
    ['subscription.types', { subscription: { types: ['org.example.other.v1'] } }],
  ])('by its type is told by %s', async (clause, story) => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins(story);
    const entry = await accepted(flow);
    const told = await ask(flow, subscription, entry.id);
    expect(told).toMatchObject({ outcome: 'not-matched', decidedBy: { clause } });
    expect(JSON.stringify(told)).not.toContain(TYPE);
  });

  test('because it was accepted before: the subscription, its filter, or its rule had settled', async () => {
    const flow = flowInMemory();
    const early = await accepted(flow);
    flow.later(60_000);
    const createdAt = flow.now().toISOString();
    const { subscription } = await flow.begins({ subscription: { createdAt } });
    expect((await ask(flow, subscription, early.id)).decidedBy.state).toBe('subscription.createdAt');
    const between = await accepted(flow);
    const { rule } = subscription;
    await flow.changes('subscription', subscription.id, {
      rule: { ...rule, putAt: createdAt, settled: false },
    });
    expect(await ask(flow, subscription, between.id)).toMatchObject({
      outcome: 'under-way',
      decidedBy: { state: 'subscription.rule.settled=false' },
    });
    flow.later(60_000);
    const putAt = flow.now().toISOString();
    await flow.changes('subscription', subscription.id, { rule: { ...rule, putAt, settled: true } });
    expect((await ask(flow, subscription, between.id)).decidedBy.state).toBe('subscription.rule.putAt');
    await flow.changes('subscription', subscription.id, { status: 'ended' });
    expect((await ask(flow, subscription, between.id)).decidedBy.state).toBe('subscription.status=ended');
  });
});

describe('an event that was erased', () => {
  test('is told to be, to who had it or could have had it, and to its provider', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins();
    const other = await flow.begins({ subscription: { types: ['org.example.other.v1'] } });
    const [came, never] = [await accepted(flow), await accepted(flow)];
    const { records } = await flow.deliver(flow.matched(subscription, came));
    for (const { key, sequence } of [came, never]) await flow.ledger.erase(key, sequence);
    expect(await ask(flow, subscription, came.id)).toEqual({
      outcome: 'erased',
      decidedBy: { step: 'publish', state: 'erased' },
      detail: 'It was erased. It had been delivered before.',
      delivery: records[0]?.id,
    });
    expect((await ask(flow, subscription, never.id)).outcome).toBe('erased');
    expect((await ask(flow, other.subscription, never.id, 'atmo')).outcome).toBe('erased');
    expect(await ask(flow, other.subscription, never.id)).toEqual(UNKNOWN);
  });
});

describe('what is not theirs', () => {
  test('a subscription of others is not there, whatever the role', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins();
    for (const roles of [['consumer'], ['operator'], ['dpo']] as const) {
      const call = explain(flow, given.caller('lab', { roles: [...roles] }), {
        source: SOURCE,
        id: 'e',
        subscription: subscription.id,
      });
      expect(await problemOf(call)).toMatchObject({ kind: 'not-found' });
    }
  });

  test('what was refused at the door is told to its publisher, and is nothing to the consumer', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins();
    const errors = [{ path: '/data/co2', message: 'must be a number' }];
    await flow.has('publication', {
      id: 'pub_01KDVDG4000000000000000001',
      participant: 'atmo',
      status: 'rejected',
      eventId: 'bad-1',
      problem: { kind: 'not-valid', detail: 'data is not valid', errors },
      at: flow.now().toISOString(),
      expires: 4_000_000_000,
    });
    expect(await ask(flow, subscription, 'bad-1', 'atmo')).toEqual({
      outcome: 'rejected',
      decidedBy: { step: 'publish', state: 'not-valid' },
      detail: 'data is not valid',
      errors,
    });
    expect(await ask(flow, subscription, 'bad-1')).toEqual(await ask(flow, subscription, 'never-was'));
    expect(await ask(flow, subscription, 'never-was', 'atmo')).toEqual(UNKNOWN);
  });

  test('once the contract is over, events that came to nobody read as if they never were', async () => {
    const flow = flowInMemory();
    const { subscription } = await flow.begins({ contract: { state: 'terminated' } });
    const entry = await accepted(flow);
    expect(await ask(flow, subscription, entry.id)).toEqual(UNKNOWN);
    expect((await ask(flow, subscription, entry.id, 'atmo')).outcome).not.toBe('unknown');
  });
});
