import { expect, test } from 'vitest';
import type { Listing, Listings, Nouns, PageRequest, Registry } from '../../domain/ports.ts';
import type { Contract } from '../../schemas/contract.ts';
import { ProblemError } from '../../schemas/problem.ts';
import {
  contract,
  created,
  dataset,
  type Given,
  HOUR,
  key,
  later,
  notice,
  participant,
  publication,
  replay,
  schema,
  schemaPlan,
  subscription,
  upload,
} from './registry-things.ts';

/** Every page of a list, each at most `limit` long. */
async function pagesOf<L extends Listing>(
  registry: Registry,
  listing: L,
  by: Listings[L]['by'],
  limit: number,
): Promise<Nouns[Listings[L]['noun']][][]> {
  const pages: Nouns[Listings[L]['noun']][][] = [];
  let cursor: string | null = null;
  do {
    const page: { items: Nouns[Listings[L]['noun']][]; next: string | null } = await registry.list(
      listing,
      by,
      {
        limit,
        ...(cursor !== null && { cursor }),
      } satisfies PageRequest,
    );
    pages.push(page.items);
    cursor = page.next;
  } while (cursor !== null);
  return pages;
}

/** How a registry lists. */
export function lists(given: Given): void {
  test('select by what they are named for, ordered by id', async () => {
    const { registry } = given();
    const contracts = [
      contract(3),
      contract(1, { provider: 'other' }),
      contract(2, { consumer: 'lab' }),
      contract(4, { dataset: 'noise' }),
    ];
    await registry.write(created('contract', ...contracts));
    const ids = async <L extends 'contractsOfProvider' | 'contractsOfConsumer' | 'contractsOfDataset'>(
      listing: L,
      by: Listings[L]['by'],
    ): Promise<number[]> => {
      const { items } = await registry.list(listing, by, { limit: 10 });
      return items.map(({ id }) => contracts.findIndex((one) => one.id === id));
    };
    expect(await ids('contractsOfProvider', { provider: 'atmo' })).toEqual([2, 0, 3]);
    expect(await ids('contractsOfConsumer', { consumer: 'app' })).toEqual([1, 0, 3]);
    expect(await ids('contractsOfDataset', { dataset: 'school-air' })).toEqual([1, 2, 0]);
    expect(await ids('contractsOfProvider', { provider: 'nobody' })).toEqual([]);
  });

  test('hold a contract under its state, and under its next one from then on', async () => {
    const { registry } = given();
    const [one, other] = [contract(1, { state: 'requested' }), contract(2, { state: 'active' })];
    await registry.write(created('contract', one, other));
    const inState = async (state: Contract['state']): Promise<string[][]> => {
      const pages = [
        registry.list('contractsOfProviderInState', { provider: 'atmo', state }, { limit: 10 }),
        registry.list('contractsOfConsumerInState', { consumer: 'app', state }, { limit: 10 }),
        registry.list('contractsInState', { state }, { limit: 10 }),
      ];
      return (await Promise.all(pages)).map(({ items }) => items.map(({ id }) => id));
    };
    const thrice = (...ids: string[]): string[][] => [ids, ids, ids];
    expect(await inState('requested')).toEqual(thrice(one.id));
    expect(await inState('active')).toEqual(thrice(other.id));
    const agreed = { ...one, state: 'agreed' } as const;
    await registry.write([{ do: 'replace', noun: 'contract', before: one, item: agreed }]);
    expect(await inState('requested')).toEqual(thrice());
    expect(await inState('agreed')).toEqual(thrice(one.id));
  });

  test('hold the contracts of a state by their datasets', async () => {
    const { registry } = given();
    const at = [
      ['noise', 1],
      ['air', 2],
      ['air-2', 3],
      ['air', 4],
      ['airs', 5],
    ] as const;
    const contracts = at.map(([of, number]) => contract(number, { state: 'agreed', dataset: of }));
    await registry.write(created('contract', ...contracts));
    const list = async (page: PageRequest) => registry.list('contractsInState', { state: 'agreed' }, page);
    const all = await list({ limit: 10 });
    expect(all.items.map(({ dataset: of }) => of)).toEqual(['air-2', 'air', 'air', 'airs', 'noise']);
    const ofAir = await list({ limit: 1, after: 'air/' });
    expect(ofAir.items).toEqual([contracts[1]]);
    expect((await list({ limit: 2, cursor: ofAir.next ?? '' })).items).toEqual([contracts[3], contracts[4]]);
  });

  test('show all of what belongs to everybody, and each one its own', async () => {
    const { registry } = given();
    const [a, b] = [
      subscription(1),
      subscription(2, { consumer: 'lab', contract: 'ctr_01JBBBBBBBBBBBBBBBBBBBBBBB' }),
    ];
    await registry.write([
      ...created('participant', participant('lab'), participant('app')),
      ...created('dataset', dataset('noise', { provider: 'other' }), dataset('air')),
      ...created('subscription', b, a),
      ...created('key', key('app', 2), key('lab', 1)),
    ]);
    const page = { limit: 10 };
    expect((await registry.list('participants', {}, page)).items.map(({ id }) => id)).toEqual(['app', 'lab']);
    expect((await registry.list('datasets', {}, page)).items.map(({ id }) => id)).toEqual(['air', 'noise']);
    expect((await registry.list('datasetsOfProvider', { provider: 'other' }, page)).items).toHaveLength(1);
    expect((await registry.list('subscriptions', {}, page)).items).toEqual([a, b]);
    expect((await registry.list('subscriptionsOfConsumer', { consumer: 'lab' }, page)).items).toEqual([b]);
    expect((await registry.list('subscriptionsOfContract', { contract: a.contract }, page)).items).toEqual([
      a,
    ]);
    expect(
      (await registry.list('keysOfParticipant', { participant: 'lab' }, page)).items.map(
        ({ participant: owner }) => owner,
      ),
    ).toEqual(['lab']);
  });

  test('show the keys of DPOs among those of everybody, until they are revoked', async () => {
    const { registry } = given();
    const [one, other] = [key('city', 2, { role: 'dpo' }), key('agglo', 1, { role: 'dpo' })];
    await registry.write(created('key', one, key('city', 3, { role: 'operator' }), other, key('lab', 4)));
    expect((await registry.list('keysOfDpos', {}, { limit: 10 })).items).toEqual([other, one]);
    await registry.write([{ do: 'remove', noun: 'key', id: other.id }]);
    expect((await registry.list('keysOfDpos', {}, { limit: 10 })).items).toEqual([one]);
  });

  test('show subscriptions to settle until they have', async () => {
    const { registry } = given();
    const [settled, open] = [subscription(1), subscription(2)];
    open.rule.settled = false;
    await registry.write(created('subscription', settled, open));
    expect((await registry.list('subscriptionsToTend', {}, { limit: 10 })).items).toEqual([open]);
    const item = { ...open, rule: { ...open.rule, settled: true } };
    await registry.write([{ do: 'replace', noun: 'subscription', before: open, item }]);
    expect((await registry.list('subscriptionsToTend', {}, { limit: 10 })).items).toEqual([]);
    expect((await registry.list('subscriptions', {}, { limit: 10 })).items).toEqual([settled, item]);
  });

  test('show subscriptions whose endpoint is spared until it is not', async () => {
    const { registry } = given();
    const well = subscription(3);
    const at = '2026-03-01T10:00:00.000Z';
    const spared = {
      ...well,
      circuit: { state: 'open', since: at, probes: 0, probeAt: at, portion: 0 },
    } as const;
    await registry.write(created('subscription', well));
    await registry.write([{ do: 'replace', noun: 'subscription', before: well, item: spared }]);
    expect((await registry.list('subscriptionsToTend', {}, { limit: 10 })).items).toEqual([spared]);
    await registry.write([{ do: 'replace', noun: 'subscription', before: spared, item: well }]);
    expect((await registry.list('subscriptionsToTend', {}, { limit: 10 })).items).toEqual([]);
  });

  test('show replays as long as they run, those of a subscription newest first, and what is planned', async () => {
    const { registry } = given();
    const [done, running] = [replay(1), replay(2, { status: 'running' })];
    const plan = schemaPlan('noise', 'noise.observed.v1');
    await registry.write([...created('replay', done, running), ...created('schemaPlan', plan)]);
    const page = { limit: 10 };
    expect((await registry.list('replaysRunning', {}, page)).items).toEqual([running]);
    const { subscription: of } = running;
    expect((await registry.list('replaysOfSubscription', { subscription: of }, page)).items).toEqual([
      running,
      done,
    ]);
    expect((await registry.list('schemaPlans', {}, page)).items).toEqual([plan]);
    const item = { ...running, status: 'cancelled' } as const;
    await registry.write([
      { do: 'replace', noun: 'replay', before: running, item },
      { do: 'remove', noun: 'schemaPlan', id: plan.id },
    ]);
    expect((await registry.list('replaysRunning', {}, page)).items).toEqual([]);
    expect((await registry.list('schemaPlans', {}, page)).items).toEqual([]);
  });

  test('show uploads until they are swept', async () => {
    const { registry } = given();
    const [swept, waiting] = [upload(1, { swept: true }), upload(2)];
    await registry.write(created('upload', swept, waiting));
    expect((await registry.list('uploadsUnswept', {}, { limit: 10 })).items).toEqual([waiting]);
    const item = { ...waiting, swept: true };
    await registry.write([{ do: 'replace', noun: 'upload', before: waiting, item }]);
    expect((await registry.list('uploadsUnswept', {}, { limit: 10 })).items).toEqual([]);
    expect(await registry.read('upload', waiting.id)).toEqual(item);
  });

  test('show contracts by their next date, as long as they have one', async () => {
    const { registry } = given();
    const [never, late, soon] = [
      contract(1),
      contract(2, { until: '2027-01-01T00:00:00.000Z' }),
      contract(3, { until: '2026-09-01T00:00:00.000Z' }),
    ];
    await registry.write(created('contract', never, late, soon));
    const pages = await pagesOf(registry, 'contractsDue', {}, 1);
    expect(pages.flat()).toEqual([soon, late]);
    const [later, over] = [
      { ...soon, until: '2028-01-01T00:00:00.000Z' },
      { ...late, state: 'expired' } as const,
    ];
    await registry.write([
      { do: 'replace', noun: 'contract', before: soon, item: later },
      { do: 'replace', noun: 'contract', before: late, item: over },
    ]);
    expect((await registry.list('contractsDue', {}, { limit: 10 })).items).toEqual([later]);
  });

  test('show datasets whose changed offer or end is not told yet, or that are to end', async () => {
    const { registry } = given();
    const changed = dataset('noise', { offerChangedAt: later(0).toISOString() });
    const end = { reason: 'over', on: later(1).toISOString() };
    const ending = dataset('parking', { retirement: { ...end, told: true } });
    const ended = dataset('traffic', { status: 'retired', retirement: { ...end, told: false } });
    const told = dataset('waste', { status: 'retired', retirement: { ...end, told: true } });
    await registry.write(created('dataset', dataset('air'), changed, ending, ended, told));
    const { items } = await registry.list('datasetsToAnnounce', {}, { limit: 10 });
    expect(items).toEqual([changed, ending, ended]);
  });

  test('order the versions of a schema by number, and keep types apart that begin alike', async () => {
    const { registry } = given();
    const versions = [10, 2, 1].map((version) => schema('air', 'a.v1', version));
    await registry.write(
      created('schema', ...versions, schema('air', 'a.v1#b', 1), schema('air', 'a.v11', 1)),
    );
    const { items } = await registry.list('schemasOfType', { type: 'a.v1', dataset: 'air' }, { limit: 10 });
    expect(items.map(({ version }) => version)).toEqual([1, 2, 10]);
  });

  test('show notices and publications newest first, without the expired', async () => {
    const { registry, goTo } = given();
    const publications = [1, 2, 3].map((order) => publication('atmo', order, later(order * HOUR)));
    await registry.write([
      ...created('notice', notice('atmo', 1), notice('atmo', 3), notice('atmo', 2)),
      ...created('publication', ...publications),
    ]);
    const notices = (await pagesOf(registry, 'noticesOfParticipant', { participant: 'atmo' }, 2)).flat();
    expect(notices.map(({ id }) => id)).toEqual(
      notices
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    expect(notices).toHaveLength(3);
    const [, middle] = notices;
    const behind = { limit: 10, after: notices[2]?.id ?? '' };
    const onwards = await registry.list('noticesOfParticipant', { participant: 'atmo' }, behind);
    expect(onwards.items).toEqual([middle, notices[0]]);
    goTo(later(1.5 * HOUR));
    const left = (await pagesOf(registry, 'publicationsOfParticipant', { participant: 'atmo' }, 1)).flat();
    expect(left).toEqual([publications[2], publications[1]]);
  });
}

/** How a registry turns pages. */
export function cursors(given: Given): void {
  test('walk a list in full pages, once each, and end with null', async () => {
    const { registry } = given();
    const items = Array.from({ length: 23 }, (_, index) => contract(index));
    await registry.write(created('contract', ...items));
    for (const limit of [1, 7, 22, 23, 24]) {
      const pages = await pagesOf(registry, 'contractsOfProvider', { provider: 'atmo' }, limit);
      expect(pages.flat()).toEqual(items);
      expect(pages.map(({ length }) => length)).toEqual(
        Array.from({ length: Math.ceil(23 / limit) }, (_, page) => Math.min(limit, 23 - page * limit)),
      );
    }
  });

  test('stay where they are when the list changes around them', async () => {
    const { registry } = given();
    const items = Array.from({ length: 6 }, (_, index) => contract(index * 10));
    await registry.write(created('contract', ...items));
    const first = await registry.list('contractsOfProvider', { provider: 'atmo' }, { limit: 3 });
    await registry.write([
      ...created('contract', contract(5)),
      { do: 'remove', noun: 'contract', id: items[2]?.id ?? '' },
    ]);
    const second = await registry.list(
      'contractsOfProvider',
      { provider: 'atmo' },
      { limit: 3, cursor: first.next ?? '' },
    );
    expect(second.items).toEqual(items.slice(3));
  });

  test('are refused by every other list, and when they are broken', async () => {
    const { registry } = given();
    const all = [
      ...Array.from({ length: 4 }, (_, index) => contract(index)),
      ...Array.from({ length: 4 }, (_, index) => contract(10 + index, { provider: 'other' })),
    ];
    await registry.write(created('contract', ...all));
    const { next } = await registry.list('contractsOfProvider', { provider: 'other' }, { limit: 2 });
    if (next === null) throw new Error('there is a second page');
    const broken = [
      '',
      'x',
      '!',
      `${next}A`,
      next.slice(1),
      next.slice(0, -3),
      Buffer.from('{"pk":"contract#1"}').toString('base64url'),
    ];
    for (const cursor of [next, ...broken]) {
      const refused = await registry
        .list('contractsOfProvider', { provider: 'atmo' }, { limit: 2, cursor })
        .catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(ProblemError);
      expect(refused).toMatchObject({ problem: { kind: 'not-parseable', errors: [{ path: '/cursor' }] } });
    }
    await expect(
      registry.list('contractsOfConsumer', { consumer: 'app' }, { limit: 2, cursor: next }),
    ).rejects.toThrow(ProblemError);
  });
}
