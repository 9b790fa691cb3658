import { randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
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
import { explain } from '../../domain/explain/explain.ts';
import { readHistory } from '../../domain/history/history.ts';
import { routed } from '../../domain/route.ts';
import { listNotices } from '../../domain/notices.ts';
import type { Change } from '../../domain/ports.ts';
import { listDeliveries } from '../../domain/subscriptions/deliveries.ts';
import { subscribe } from '../../domain/subscriptions/subscribe.ts';
import { getSubscription, listSubscriptions } from '../../domain/subscriptions/subscriptions.ts';
import { usageOf } from '../../domain/usage/figures.ts';
import { eraseEvent } from '../../domain/personal-data/erase.ts';
import { eventKey } from '../../events/key.ts';
import type { Contract } from '../../schemas/contract.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { given } from '../given.ts';
import { meshInMemory } from '../domain/mesh.ts';
import { memoryRouteGaps, secretOf } from '../domain/deliver/flow.ts';
import { engineClient, freshTable } from './engine.ts';

const provider = given.caller('atmo', { roles: ['provider'] });
const consumer = given.caller('app', { roles: ['consumer'] });
const dpo = given.caller('city', { roles: ['dpo', 'operator'] });
/** How old what the verdict reads may be. */
const FRESHNESS_MS = 2000;
/** A page that even the few fill. */
const page = { limit: 5 };

/** A territory in DynamoDB in which one provider and one consumer have so many contracts and subscriptions. */
async function territoryOf(count: number) {
  const { client, calls: storeCalls } = engineClient(dynamoClient);
  const { client: registryClient, calls: registryCalls } = engineClient(dynamoClient);
  const calls = (): number => storeCalls() + registryCalls();
  const mesh = meshInMemory();
  const clock = mesh.now;
  const [registryTable, deliveriesTable, ledgerTable] = await Promise.all(
    (['registry', 'deliveries', 'ledger'] as const).map((kind) => freshTable(client, kind)),
  );
  const plain = dynamoRegistry({ client: registryClient, table: registryTable ?? '', clock });
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
  const waiting = given.contract({ state: 'requested' });
  const secrets = [{ sealed: await mesh.sealer.seal(secretOf(1)) }];
  const subscriptions = contracts.map(({ id }) => given.subscription({ contract: id, secrets }));
  const changes: Change[] = [
    ...contracts.map((item): Change => ({ do: 'create', noun: 'contract', item })),
    ...subscriptions.map((item): Change => ({ do: 'create', noun: 'subscription', item })),
    { do: 'create', noun: 'contract', item: waiting },
  ];
  const groups = Array.from({ length: Math.ceil(changes.length / 100) }, (_, at) =>
    changes.slice(at * 100, at * 100 + 100),
  );
  await inParallel(4, groups, (group) => plain.write(group));
  return { deps, contracts, waiting: waiting.id, subscriptions, calls, registryCalls };
}
type Territory = Awaited<ReturnType<typeof territoryOf>>;

/** What people and functions do, each with what it needs. */
const WORK: Record<string, (territory: Territory) => Promise<unknown>> = {
  'lists its contracts': ({ deps }) => listContracts(deps.registry, provider, {}, page),
  'lists them as the consumer': ({ deps }) =>
    listContracts(deps.registry, consumer, { role: 'consumer' }, page),
  'lists those of a dataset, as the DPO': ({ deps }) =>
    listContracts(deps.registry, dpo, { dataset: 'school-air' }, page),
  'lists those few that wait for its decision': async ({ deps, waiting }) => {
    const asked = listContracts(deps.registry, provider, { state: 'requested' }, page);
    expect((await asked).items.map(({ id }) => id)).toEqual([waiting]);
  },
  'lists those few that it suspended, as the consumer': ({ deps }) =>
    listContracts(deps.registry, consumer, { role: 'consumer', state: 'suspended' }, page),
  'lists those few of a dataset that wait, as the DPO': async ({ deps, waiting }) => {
    const asked = listContracts(deps.registry, dpo, { dataset: 'school-air', state: 'requested' }, page);
    expect((await asked).items.map(({ id }) => id)).toEqual([waiting]);
  },
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
  'tells why an event did not come': async ({ deps, subscriptions }) => {
    const entry = given.entry({ key: eventKey('school-air', '//test/atmo', 'asked') });
    await deps.ledger.append([entry]);
    const question = { source: '//test/atmo', id: 'asked', subscription: first(subscriptions).id };
    return explain(deps, consumer, question);
  },
  'reads the history under a contract': ({ deps, contracts }) =>
    readHistory(
      deps,
      consumer,
      'school-air',
      { contract: first(contracts).id, from: deps.now().toISOString() },
      page,
    ),
  'is told what a contract gave': ({ deps, contracts }) =>
    usageOf(deps, consumer, { contract: first(contracts).id, by: 'day' }, page),
  'is told what its contracts gave': ({ deps }) => usageOf(deps, consumer, {}, page),
  'delivers nine events under nine contracts': async (territory) => {
    const { records } = await delivering(territory)();
    expect(records.map(({ status }) => status)).toEqual(Array(9).fill('delivered'));
  },
};

/** One warm function, and each time nine events under nine contracts for it; the tenth contract is suspended. */
function delivering({ deps, subscriptions }: Territory) {
  const standings = standingReader(deps.registry, {
    maxAgeMs: FRESHNESS_MS,
    now: () => deps.now().getTime(),
  });
  const some = subscriptions.slice(0, 9);
  const warm = {
    ...deps,
    standings,
    handOver: deps.destinations.handOver,
    noteHealth: async () => undefined,
    gate: async () => 'go' as const,
  };
  return () => {
    const now = deps.now().getTime();
    const event = () => routed(given.entry({ sequence: ulid(now) }));
    return deliver(
      warm,
      some.map((subscription) => ({ subscription: refsOf(subscription), event: event() })),
    );
  };
}

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
    expect(other).toBeLessThanOrEqual(9);
  });

  test('a warm function reads the registry once in two seconds for nine contracts, however many it delivers', async () => {
    const registryReads = async (territory: Territory): Promise<number[]> => {
      const batch = delivering(territory);
      const reads: number[] = [];
      for (const passedMs of [0, 500, FRESHNESS_MS - 501, 1]) {
        territory.deps.later(passedMs);
        const before = territory.registryCalls();
        const { records } = await batch();
        expect(records.map(({ status }) => status)).toEqual(Array(9).fill('delivered'));
        reads.push(territory.registryCalls() - before);
      }
      return reads;
    };
    for (const territory of [few, many]) expect(await registryReads(territory)).toEqual([1, 0, 0, 1]);
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
