import { beforeEach, describe, expect, test } from 'vitest';
import type { Change, Nouns, Registry } from '../../domain/ports.ts';
import { cursors, lists } from './registry-lists.conformance.ts';
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
  schema,
  START,
  subscription,
} from './registry-things.ts';

/** What every registry does; `make` gives an empty one that takes `clock` for the present. */
export function registryConformance(name: string, make: (clock: () => Date) => Promise<Registry>): void {
  describe(`${name}: a registry`, () => {
    let now = START;
    let registry: Registry;
    beforeEach(async () => {
      now = START;
      registry = await make(() => now);
    });
    const given: Given = () => ({ registry, goTo: (time) => (now = time) });
    describe('reading', () => reading(given));
    describe('conditions', () => conditions(given));
    describe('transactions', () => transactions(given));
    describe('publishable types', () => publishable(given));
    describe('lists', () => lists(given));
    describe('cursors', () => cursors(given));
  });
}

function reading(given: Given): void {
  test('gives back every noun as it was written', async () => {
    const { registry } = given();
    const things = {
      participant: participant('atmo', { name: 'Atmo "Nouvelle-Aquitaine" é漢\u{1F30D}' }),
      key: key('atmo'),
      dataset: dataset('school-air'),
      schema: schema('school-air', 'air#odd/type$v1', 12),
      contract: contract(1),
      subscription: subscription(1),
      notice: notice('atmo', 1),
      channel: {
        id: 'atmo#webhook',
        participant: 'atmo',
        kind: 'webhook',
        address: 'https://atmo.example.org/notices',
        sealed: 'sealed',
        status: 'active',
        after: 'ntc_0',
        attempts: 0,
        createdAt: START.toISOString(),
      },
      publication: publication('atmo', 1, later(HOUR)),
      answer: {
        id: 'atmo/some key#1',
        request: 'abc',
        answer: 'sealed',
        expires: later(HOUR).getTime() / 1000,
      },
    };
    for (const [noun, item] of Object.entries(things)) {
      expect(await registry.write([{ do: 'create', noun, item } as unknown as Change])).toBe(true);
    }
    const { schema: version, ...rest } = things;
    for (const [noun, item] of Object.entries(rest)) {
      expect(await registry.read(noun as keyof Nouns, item.id)).toEqual(item);
    }
    expect(await registry.read('schema', 'school-air#air#odd/type$v1#12')).toEqual(version);
  });

  test('reads many of several nouns in order, with gaps and repetitions', async () => {
    const { registry } = given();
    const atmo = participant('atmo');
    const air = dataset('atmo');
    await registry.write([...created('participant', atmo), ...created('dataset', air)]);
    const found = await registry.readAll([
      { noun: 'dataset', id: 'atmo' },
      { noun: 'contract', id: 'atmo' },
      { noun: 'participant', id: 'atmo' },
      { noun: 'dataset', id: 'atmo' },
    ]);
    expect(found).toEqual([air, undefined, atmo, air]);
    expect(await registry.readAll([])).toEqual([]);
  });

  test('reads more than a hundred', async () => {
    const { registry } = given();
    const all = Array.from({ length: 150 }, (_, index) => participant(`city-${index}`));
    await registry.write(created('participant', ...all.slice(0, 75)));
    await registry.write(created('participant', ...all.slice(75)));
    expect(await registry.readAll(all.map(({ id }) => ({ noun: 'participant', id }) as const))).toEqual(all);
  });

  test('gives copies: changing what was read changes nothing', async () => {
    const { registry } = given();
    await registry.write(created('participant', participant('atmo')));
    const read = await registry.read('participant', 'atmo');
    if (read) read.name = 'changed';
    expect((await registry.read('participant', 'atmo'))?.name).toBe('atmo');
  });

  test('hides what has expired, and lets its id be taken again', async () => {
    const { registry, goTo } = given();
    const first = { id: 'atmo/key', request: 'first', expires: later(HOUR).getTime() / 1000 };
    const second = { id: 'atmo/key', request: 'second', expires: later(3 * HOUR).getTime() / 1000 };
    expect(await registry.write(created('answer', first))).toBe(true);
    expect(await registry.write(created('answer', second))).toBe(false);
    goTo(later(HOUR - 1));
    expect(await registry.read('answer', 'atmo/key')).toEqual(first);
    goTo(later(HOUR));
    expect(await registry.read('answer', 'atmo/key')).toBeUndefined();
    expect(await registry.readAll([{ noun: 'answer', id: 'atmo/key' }])).toEqual([undefined]);
    expect(await registry.write(created('answer', second))).toBe(true);
    expect(await registry.read('answer', 'atmo/key')).toEqual(second);
  });
}

function conditions(given: Given): void {
  test('creates what is not there, once', async () => {
    const { registry } = given();
    expect(await registry.write(created('participant', participant('atmo')))).toBe(true);
    expect(await registry.write(created('participant', participant('atmo', { name: 'second' })))).toBe(false);
    expect((await registry.read('participant', 'atmo'))?.name).toBe('atmo');
  });

  test('replaces what is still what it was', async () => {
    const { registry } = given();
    const before = contract(1);
    const item = { ...before, state: 'suspended' as const, revision: 2 };
    await registry.write(created('contract', before));
    expect(await registry.write([{ do: 'replace', noun: 'contract', before, item }])).toBe(true);
    expect(
      await registry.write([
        { do: 'replace', noun: 'contract', before, item: { ...before, state: 'terminated' } },
      ]),
    ).toBe(false);
    expect(await registry.read('contract', before.id)).toEqual(item);
  });

  test('does not mind the order of members, nor members that are undefined', async () => {
    const { registry } = given();
    const item = participant('atmo');
    await registry.write(created('participant', item));
    const before = {
      dpo: undefined,
      ...Object.fromEntries(Object.entries(item).reverse()),
    } as unknown as typeof item;
    expect(
      await registry.write([{ do: 'replace', noun: 'participant', before, item: { ...item, name: 'new' } }]),
    ).toBe(true);
  });

  test('replaces nothing that is not there', async () => {
    const { registry } = given();
    const before = contract(1);
    expect(await registry.write([{ do: 'replace', noun: 'contract', before, item: before }])).toBe(false);
    expect(await registry.read('contract', before.id)).toBeUndefined();
  });

  test('expects what is still what it was, and changes nothing by it', async () => {
    const { registry } = given();
    const before = contract(1);
    const atmo = participant('atmo');
    expect(
      await registry.write([{ do: 'expect', noun: 'contract', before }, ...created('participant', atmo)]),
    ).toBe(false);
    await registry.write(created('contract', before));
    expect(
      await registry.write([{ do: 'expect', noun: 'contract', before }, ...created('participant', atmo)]),
    ).toBe(true);
    const item = { ...before, revision: 2 };
    await registry.write([{ do: 'replace', noun: 'contract', before, item }]);
    expect(await registry.write([{ do: 'expect', noun: 'contract', before }])).toBe(false);
    expect(await registry.read('contract', before.id)).toEqual(item);
  });

  test('removes, content when there is nothing', async () => {
    const { registry } = given();
    const thing = key('atmo');
    await registry.write(created('key', thing));
    expect(await registry.write([{ do: 'remove', noun: 'key', id: thing.id }])).toBe(true);
    expect(await registry.write([{ do: 'remove', noun: 'key', id: thing.id }])).toBe(true);
    expect(await registry.read('key', thing.id)).toBeUndefined();
    expect(await registry.list('keysOfParticipant', { participant: 'atmo' }, { limit: 10 })).toEqual({
      items: [],
      next: null,
    });
  });

  test('lets one of many win a race to create', async () => {
    const { registry } = given();
    const racers = Array.from({ length: 8 }, (_, index) => participant('atmo', { name: `racer ${index}` }));
    const won = await Promise.all(racers.map((racer) => registry.write(created('participant', racer))));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect((await registry.read('participant', 'atmo'))?.name).toBe(racers[won.indexOf(true)]?.name);
  });

  test('lets one of many win a race to replace', async () => {
    const { registry } = given();
    const before = contract(1);
    await registry.write(created('contract', before));
    const items = Array.from({ length: 8 }, (_, index) => ({ ...before, purpose: `racer ${index}` }));
    const won = await Promise.all(
      items.map((item) => registry.write([{ do: 'replace', noun: 'contract', before, item }])),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await registry.read('contract', before.id)).toEqual(items[won.indexOf(true)]);
  });
}

function transactions(given: Given): void {
  test('are all or nothing', async () => {
    const { registry } = given();
    await registry.write(created('participant', participant('there')));
    const changes = [
      ...created('participant', participant('new')),
      ...created('dataset', dataset('air')),
      ...created('participant', participant('there')),
    ];
    expect(await registry.write(changes)).toBe(false);
    expect(
      await registry.readAll([
        { noun: 'participant', id: 'new' },
        { noun: 'dataset', id: 'air' },
      ]),
    ).toEqual([undefined, undefined]);
    expect(await registry.publishable('atmo')).toEqual([]);
  });

  test('hold a hundred changes and refuse more', async () => {
    const { registry } = given();
    const items = Array.from({ length: 101 }, (_, index) => participant(`city-${index}`));
    await expect(registry.write(created('participant', ...items))).rejects.toThrow(RangeError);
    expect(await registry.read('participant', 'city-0')).toBeUndefined();
    const withDataset = [...created('participant', ...items.slice(2)), ...created('dataset', dataset('air'))];
    await expect(registry.write(withDataset)).rejects.toThrow(RangeError);
    expect(await registry.write(created('participant', ...items.slice(1)))).toBe(true);
  });

  test('of nothing succeed', async () => {
    expect(await given().registry.write([])).toBe(true);
  });
}

function publishable(given: Given): void {
  test('follow their datasets: made, changed, retired, removed', async () => {
    const { registry } = given();
    const air = dataset('air', { typeCount: 2 });
    const line = { provider: 'atmo', dataset: 'air', schemaVersion: 1, retentionDays: 30, retired: false };
    const [first, second] = [
      { ...line, type: 'air.observed.0.v1' },
      { ...line, type: 'air.observed.1.v1' },
    ];
    await registry.write([
      ...created('dataset', air),
      ...created('dataset', dataset('noise', { provider: 'other' })),
    ]);
    expect(await registry.publishable('atmo')).toEqual([first, second]);
    const changed = {
      ...air,
      types: air.types.slice(1),
      retentionDays: 7,
      status: 'retired' as const,
      revision: 2,
    };
    await registry.write([{ do: 'replace', noun: 'dataset', before: air, item: changed }]);
    expect(await registry.publishable('atmo')).toEqual([{ ...second, retentionDays: 7, retired: true }]);
    await registry.write([{ do: 'remove', noun: 'dataset', id: 'air' }]);
    expect(await registry.publishable('atmo')).toEqual([]);
    expect(await registry.publishable('other')).toHaveLength(1);
  });

  test('come with a dataset of 50 types and their 50 schemas in one transaction', async () => {
    const { registry } = given();
    const air = dataset('air', { typeCount: 50 });
    const schemas = air.types.map(({ type }) => schema('air', type, 1));
    expect(await registry.write([...created('dataset', air), ...created('schema', ...schemas)])).toBe(true);
    expect(await registry.publishable('atmo')).toHaveLength(50);
    expect(await registry.publishable('nobody')).toEqual([]);
  });
}
