import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { ulid } from 'ulid';
import { beforeEach, describe, expect, test } from 'vitest';
import { dynamoClient } from '../../adapters/dynamodb/client.ts';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoRegistry } from '../../adapters/dynamodb/registry.ts';
import { memoryDeliveries } from '../../adapters/memory/deliveries.ts';
import { memoryLedger } from '../../adapters/memory/ledger.ts';
import { memoryRegistry } from '../../adapters/memory/registry.ts';
import { deadLetters } from '../../adapters/sqs/dead-letters.ts';
import type { Deliveries, Ledger, Listing, Listings, Registry } from '../../domain/ports.ts';
import type { AuditEntry } from '../../schemas/audit.ts';
import type { Erasure } from '../../schemas/erasure.ts';
import { deliveryOf } from './deliveries.conformance.ts';
import { engineClient, freshTable } from './engine.ts';
import { engine, uniqueName } from './given-engine.ts';
import { entryOf } from './ledger.conformance.ts';
import { created, dataset, idAt, notice, START } from './registry-things.ts';

const NOW = new Date('2026-03-04T12:00:00.000Z');
const fresh = async (kind: 'ledger' | 'registry' | 'deliveries') => {
  const { client } = engineClient(dynamoClient);
  return { client, table: await freshTable(client, kind), clock: () => NOW };
};

describe.each<[string, () => Promise<Ledger>]>([
  ['memory', async () => memoryLedger({ clock: () => NOW })],
  ['DynamoDB', async () => dynamoLedger(await fresh('ledger'))],
])('%s: a ledger', (_, make) => {
  let ledger: Ledger;
  beforeEach(async () => {
    ledger = await make();
  });

  test('erases an event, whose tombstone keeps its key from being taken', async () => {
    const [one, two] = [entryOf('one'), entryOf('two')];
    await ledger.append([one, two]);
    await ledger.erase(one.key, one.sequence);
    await ledger.erase(one.key, one.sequence);
    expect(await ledger.read([one.key, two.key], NOW)).toEqual([undefined, two]);
    expect(await ledger.place(one.key, NOW)).toEqual({
      sequence: one.sequence,
      type: one.type,
      erased: true,
    });
    expect(await ledger.place(two.key, NOW)).toMatchObject({ erased: false });
    expect(await ledger.append([entryOf('one')])).toEqual(['erased']);
    expect(await ledger.append([entryOf('one', { content: 'other' }), entryOf('three')])).toEqual([
      'erased',
      'accepted',
    ]);
  });

  test('erases nothing else: not what took the key since, nor what was never there', async () => {
    const one = entryOf('one');
    await ledger.append([one]);
    await ledger.erase(one.key, ulid());
    await ledger.erase('nobody', ulid());
    expect(await ledger.read([one.key], NOW)).toEqual([one]);
    expect(await ledger.place('nobody', NOW)).toBeUndefined();
  });

  test('removes entries, each unless another one has taken its key', async () => {
    const [one, two] = [entryOf('one'), entryOf('two')];
    await ledger.append([one, two]);
    expect(await ledger.remove([one, { ...two, sequence: ulid() }, { key: 'no', sequence: ulid() }])).toEqual(
      { removed: 1, payloads: [] },
    );
    expect(await ledger.read([one.key, two.key], NOW)).toEqual([undefined, two]);
    expect(await ledger.place(one.key, new Date(0))).toBeUndefined();
  });
});

describe.each<[string, () => Promise<Deliveries>]>([
  ['memory', async () => memoryDeliveries({ clock: () => NOW })],
  ['DynamoDB', async () => dynamoDeliveries(await fresh('deliveries'))],
])('%s: deliveries', (_, make) => {
  let deliveries: Deliveries;
  beforeEach(async () => {
    deliveries = await make();
  });

  test('of one event are found, its replays included', async () => {
    const first = deliveryOf(0);
    const { event, subscription } = first;
    const replay = { ...first, id: `dlv_${event.sequence.slice(0, 10)}${'A'.repeat(16)}` };
    const elsewhere = deliveryOf(0, { subscription: `sub_${ulid(2)}` });
    await deliveries.write([first, replay, elsewhere, deliveryOf(1), deliveryOf(-1), deliveryOf(0)]);
    const found = await deliveries.ofEvent(subscription, event.sequence);
    expect(found.map(({ id }) => id).sort()).toEqual([first.id, replay.id].sort());
  });

  test('are replaced only if they are what was read, whatever their due date', async () => {
    const dueAt = '2026-03-04T13:00:00.000Z';
    const before = deliveryOf(0, { status: 'retrying', dueAt });
    await deliveries.write([before]);
    await deliveries.released(before.id, dueAt);
    const { dueAt: _, ...rest } = before;
    const erased = { ...rest, status: 'erased' as const };
    expect(await deliveries.replace({ ...before, attemptCount: 7 }, erased)).toBe(false);
    expect(await deliveries.replace(before, erased)).toBe(true);
    expect(await deliveries.replace(before, erased)).toBe(false);
    expect(await deliveries.read([before.id])).toEqual([erased]);
  });

  test('of events before an instant are removed, so many at a time', async () => {
    const all = Array.from({ length: 60 }, (_, index) => deliveryOf(index));
    await deliveries.write(all);
    const { subscription } = deliveryOf(0);
    const before = new Date(NOW.getTime() + 50);
    let removed = 0;
    for (let call = 0; call < 4; call += 1)
      removed += await deliveries.removeBefore(subscription, before, 20);
    expect(removed).toBe(50);
    const left = await deliveries.read(all.map(({ id }) => id));
    expect(left.map((one) => one !== undefined)).toEqual(all.map((_, index) => index >= 50));
  });
});

describe.each<[string, () => Promise<Registry>]>([
  ['memory', async () => memoryRegistry({ clock: () => START })],
  ['DynamoDB', async () => dynamoRegistry({ ...(await fresh('registry')), clock: () => START })],
])('%s: a registry', (_, make) => {
  let registry: Registry;
  beforeEach(async () => {
    registry = await make();
  });
  const idsOf = async <L extends Listing>(listing: L, by: Listings[L]['by']) =>
    (await registry.list(listing, by, { limit: 10 })).items.map((item) => ('id' in item ? item.id : ''));

  test('lists the datasets with personal data, and no others', async () => {
    await registry.write(
      created('dataset', dataset('air'), dataset('badges', { personalData: true }), dataset('bikes')),
    );
    expect(await idsOf('datasetsWithPersonalData', {})).toEqual(['badges']);
  });

  test('lists erasures by dataset, those that are open, and who was told', async () => {
    const erasure = (order: number, more: Partial<Erasure> = {}): Erasure => ({
      id: idAt('era', order),
      dataset: 'badges',
      key: 'key',
      sequence: ulid(),
      source: '//t/atmo',
      event: 'e',
      type: 'badge.v1',
      by: 'atmo',
      at: START.toISOString(),
      state: 'open',
      round: 1,
      told: 0,
      acknowledged: 0,
      ...more,
    });
    const [first, second] = [erasure(1, { state: 'done' }), erasure(2)];
    const told = { ...notice('app', 3), subject: first.id };
    await registry.write([
      ...created('erasure', first, second),
      ...created('notice', told, notice('app', 4)),
    ]);
    expect(await idsOf('erasuresOfDataset', { dataset: 'badges' })).toEqual([second.id, first.id]);
    expect(await idsOf('erasuresOpen', {})).toEqual([second.id]);
    expect(await idsOf('noticesOfErasure', { subject: first.id })).toEqual([told.id]);
    await registry.write([
      { do: 'replace', noun: 'erasure', before: second, item: { ...second, state: 'done' } },
    ]);
    expect(await idsOf('erasuresOpen', {})).toEqual([]);
  });

  test('lists the audit by day, by participant and by thing, newest first', async () => {
    const entry = (order: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
      id: idAt('aud', order),
      at: START.toISOString(),
      day: '2026-03-04',
      participant: 'atmo',
      roles: [],
      action: 'contract.accepted',
      noun: 'contract',
      subject: 'ctr_1',
      about: 'contract#ctr_1',
      outcome: 'done',
      changes: [],
      ...more,
    });
    const entries = [
      entry(1),
      entry(2, { participant: 'app' }),
      entry(3, { about: 'dataset#air' }),
      entry(4, { day: '2026-03-05' }),
    ];
    await registry.write(created('audit', ...entries));
    const at = (...orders: number[]) => orders.map((order) => entries[order - 1]?.id);
    expect(await idsOf('auditOfDay', { day: '2026-03-04' })).toEqual(at(3, 2, 1));
    expect(await idsOf('auditOfParticipant', { participant: 'atmo' })).toEqual(at(4, 3, 1));
    expect(await idsOf('auditOfThing', { about: 'contract#ctr_1' })).toEqual(at(4, 2, 1));
  });
});

test('dead letters are read on SQS, each once in a pass, removed or left to others', async () => {
  const client = new SQSClient(engine());
  const made = async (what: string): Promise<string> =>
    (await client.send(new CreateQueueCommand({ QueueName: uniqueName(what) }))).QueueUrl ?? '';
  const [accepted, entries] = [await made('dead'), await made('admit-dead')];
  const send = (QueueUrl: string, body: unknown) =>
    client.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }));
  await send(accepted, { subscription: {}, event: { key: 'k1', sequence: 's', event: { id: 'e1' } } });
  await send(accepted, { source: 'maille', detail: { key: 'k2', event: { id: 'e2' } } });
  await send(accepted, 'neither');
  await send(entries, {
    requestPayload: { participant: 'p', event: { id: 'x', detail: { id: 'e3', key: 'k' } } },
  });
  await send(entries, { id: 'e4', detail: { co2: 1 } });
  const letters = deadLetters({
    client,
    queues: [
      { url: accepted, holds: 'accepted' },
      { url: entries, holds: 'entries' },
    ],
  });
  expect(await letters.held()).toBe(0);
  const found = [];
  for (let asked = 0; asked < 4; asked += 1) found.push(...(await letters.receive()));
  const copies = found.map(({ copy }) => copy && JSON.stringify(copy)).sort();
  expect(copies).toEqual(['{"id":"e3"}', '{"id":"e4"}', '{"key":"k1"}', '{"key":"k2"}', undefined]);
  expect(await letters.held()).toBe(5);
  for (const { lease, copy } of found) await (copy ? letters.remove(lease) : letters.leave(lease));
  expect(await letters.held()).toBe(0);
  expect((await letters.receive()).map(({ copy }) => copy)).toEqual([undefined]);
});
