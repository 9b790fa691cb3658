import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { dynamoClient } from '../../adapters/dynamodb/client.ts';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoRegistry } from '../../adapters/dynamodb/registry.ts';
import { inParallel } from '../../adapters/batches.ts';
import { audited } from '../../domain/audit/audited.ts';
import { listAudit } from '../../domain/audit/list.ts';
import { refsOf } from '../../domain/clock/release.ts';
import { tick } from '../../domain/clock/tick.ts';
import { listContracts, readContract } from '../../domain/contracts/contracts.ts';
import { decide } from '../../domain/contracts/decide.ts';
import { requestContract } from '../../domain/contracts/request.ts';
import { getDataset, listDatasets } from '../../domain/datasets/datasets.ts';
import { deliver } from '../../domain/deliver/deliver.ts';
import { standingReader } from '../../domain/deliver/standing.ts';
import { routed } from '../../domain/route.ts';
import { listNotices } from '../../domain/notices.ts';
import type { Change } from '../../domain/ports.ts';
import { listDeliveries } from '../../domain/subscriptions/deliveries.ts';
import { subscribe } from '../../domain/subscriptions/subscribe.ts';
import { getSubscription, listSubscriptions } from '../../domain/subscriptions/subscriptions.ts';
import { eraseEvent } from '../../domain/personal-data/erase.ts';
import { eventKey } from '../../events/key.ts';
import type { Contract } from '../../schemas/contract.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { given } from '../given.ts';
import { meshInMemory } from '../domain/mesh.ts';
import { memoryRouteGaps } from '../domain/deliver/flow.ts';
import { engineClient, freshTable } from './engine.ts';

const provider = given.caller('atmo', { roles: ['provider'] });
const consumer = given.caller('app', { roles: ['consumer'] });
const dpo = given.caller('city', { roles: ['dpo', 'operator'] });
/** A page that even the few fill. */
const page = { limit: 5 };

/** A territory in DynamoDB in which one provider and one consumer have so many contracts and subscriptions. */
async function territoryOf(count: number) {
  const { client, calls } = engineClient(dynamoClient);
  const mesh = meshInMemory();
  const clock = mesh.now;
  const [registryTable, deliveriesTable, ledgerTable] = await Promise.all(
    (['registry', 'deliveries', 'ledger'] as const).map((kind) => freshTable(client, kind)),
  );
  const plain = dynamoRegistry({ client, table: registryTable ?? '', clock });
  const registry = audited(plain, { by: consumer, action: 'test' }, { now: clock, random: randomBytes });
  const deps = {
    ...mesh,
    registry,
    deliveries: dynamoDeliveries({ client, table: deliveriesTable ?? '', clock }),
    ledger: dynamoLedger({ client, table: ledgerTable ?? '', clock }),
    gaps: memoryRouteGaps(),
    bus: { put: async () => [] },
    clock,
  };
  const { offer } = given.datasetRequest();
  const dataset = given.dataset({ offer: { ...offer, approval: 'provider' } });
  await plain.write([
    { do: 'create', noun: 'dataset', item: dataset },
    ...['atmo', 'app', 'city'].map((id): Change => ({
      do: 'create',
      noun: 'participant',
      item: given.participant({ id }),
    })),
  ]);
  const contracts = Array.from({ length: count }, () => given.contract());
  const subscriptions = contracts.map(({ id }) => given.subscription({ contract: id }));
  const changes: Change[] = [
    ...contracts.map((item): Change => ({ do: 'create', noun: 'contract', item })),
    ...subscriptions.map((item): Change => ({ do: 'create', noun: 'subscription', item })),
  ];
  const groups = Array.from({ length: Math.ceil(changes.length / 100) }, (_, at) =>
    changes.slice(at * 100, at * 100 + 100),
  );
  await inParallel(4, groups, (group) => plain.write(group));
  return { deps, contracts, subscriptions, calls };
}
type Territory = Awaited<ReturnType<typeof territoryOf>>;

/** What people and functions do, each with what it needs. */
const WORK: Record<string, (territory: Territory) => Promise<unknown>> = {
  'lists its contracts': ({ deps }) => listContracts(deps.registry, provider, {}, page),
  'lists them as the consumer': ({ deps }) =>
    listContracts(deps.registry, consumer, { role: 'consumer' }, page),
  'lists those of a dataset, as the DPO': ({ deps }) =>
    listContracts(deps.registry, dpo, { dataset: 'school-air' }, page),
  'lists its subscriptions': ({ deps }) => listSubscriptions(deps.registry, consumer, page),
  'lists datasets': ({ deps }) => listDatasets(deps.registry, consumer, {}, page),
  'lists notices': ({ deps }) => listNotices(deps.registry, 'app', page),
  'lists the audit of the day': ({ deps }) =>
    listAudit(deps.registry, { from: deps.now().toISOString() }, page, deps.now()),
  'lists the deliveries of a subscription': ({ deps, subscriptions }) =>
    listDeliveries(deps, consumer, first(subscriptions).id, {}, page),
  'reads a contract': ({ deps, contracts }) => readContract(deps.registry, consumer, first(contracts).id),
  'reads a subscription': ({ deps, subscriptions }) =>
    getSubscription(deps.registry, consumer, first(subscriptions).id),
  'reads a dataset': ({ deps }) => getDataset(deps.registry, consumer, 'school-air'),
  'requests a contract': ({ deps }) =>
    requestContract(deps, consumer, { dataset: 'school-air', purpose: 'research' }, { dryRun: false }),
  'suspends a contract': ({ deps, contracts }) =>
    decide(deps, consumer, contracts.at(-1)?.id ?? '', { action: 'suspend', reason: 'pause' }),
  subscribes: ({ deps, contracts }) =>
    subscribe(deps, consumer, {
      contract: first(contracts).id,
      destination: { kind: 'pull', concurrency: 10 },
    }),
  'delivers ten events under ten contracts': ({ deps, subscriptions }) => {
    const standings = standingReader(deps.registry, { maxAgeMs: 2000, now: () => deps.now().getTime() });
    const some = subscriptions.slice(0, 10).map((subscription) => ({ ...subscription, secrets: [] }));
    const messages = some.map((subscription) => ({
      subscription: refsOf(subscription),
      event: routed(given.entry()),
    }));
    return deliver(
      {
        ...deps,
        standings,
        handOver: deps.destinations.handOver,
        noteHealth: async () => undefined,
        gate: async () => 'go',
      },
      messages,
    );
  },
};

const first = <Thing extends Contract | Subscription>(things: Thing[]): Thing => things[0] as Thing;

describe('with 10 000 contracts and 10 000 subscriptions', () => {
  let few: Territory;
  let many: Territory;
  beforeAll(async () => {
    few = await territoryOf(10);
    many = await territoryOf(10_000);
  }, 300_000);

  const callsOf = async (territory: Territory, work: (territory: Territory) => Promise<unknown>) => {
    const before = territory.calls();
    await work(territory);
    return territory.calls() - before;
  };

  test.each(Object.entries(WORK))('whoever %s costs as many calls as with 10', async (_, work) => {
    const [one, other] = [await callsOf(few, work), await callsOf(many, work)];
    expect(other).toBe(one);
    expect(other).toBeGreaterThan(0);
    expect(other).toBeLessThanOrEqual(8);
  });

  test('so does a beat of the clock between its rounds over everything', async () => {
    const beat = ({ deps }: Territory) => tick(deps, deps.now());
    for (const { deps } of [few, many]) {
      const began = deps.now().toISOString();
      const rounds = ['reconcile-rules', 'clean-dead-letters', 'sweep-events', 'sweep-deliveries'];
      await deps.registry.write(
        rounds.map((id): Change => ({ do: 'create', noun: 'round', item: { id, began } })),
      );
      // What was subscribed to above settles first.
      await beat({ deps } as Territory);
    }
    const [one, other] = [await callsOf(few, beat), await callsOf(many, beat)];
    expect(other).toBe(one);
  });

  test('an erasure takes a step at a time, however many may have received the event', async () => {
    const erase = ({ deps }: Territory) => eraseEvent(deps, provider, 'school-air', { id: 'badge' });
    for (const { deps } of [few, many]) {
      const key = eventKey('school-air', '//test/atmo', 'badge');
      await deps.ledger.append([given.entry({ key })]);
    }
    // Of each of 25 contracts its subscriptions; of each of these the deliveries, in four lanes and by their ids.
    expect(await callsOf(many, erase)).toBeLessThanOrEqual(12 + 25 * (1 + 4 + 1));
  });
});
