import { createHash } from 'node:crypto';
import { ulid } from 'ulid';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Ledger, LedgerEntry } from '../../domain/ports.ts';

const NOW = new Date('2026-03-04T12:00:00.000Z');
const HOUR = 3_600_000;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** An entry of which only what a test names differs. */
export function entryOf(
  id: string,
  changes: Partial<LedgerEntry> & { at?: Date; content?: string } = {},
): LedgerEntry {
  const { at = NOW, content = id, ...rest } = changes;
  const dataset = rest.dataset ?? 'school-air';
  return {
    key: hash(`${dataset} ${id}`),
    sequence: ulid(at.getTime()),
    dataset,
    provider: 'atmo',
    type: 'air.indoor.observed.v1',
    schemaVersion: 1,
    digest: hash(content),
    body: JSON.stringify({ id, content }),
    expires: NOW.getTime() / 1000 + 86_400,
    ...rest,
  };
}

const many = (count: number, make: (index: number) => LedgerEntry): LedgerEntry[] =>
  Array.from({ length: count }, (_, index) => make(index));

async function historyOf(ledger: Ledger, dataset: string, from: Date, to: Date): Promise<string[]> {
  const found: string[] = [];
  for await (const page of ledger.history(dataset, from, to))
    found.push(...page.map(({ sequence }) => sequence));
  return found;
}

/** What every ledger does; `make` gives an empty one that takes `clock` for the present. */
export function ledgerConformance(name: string, make: (clock: () => Date) => Promise<Ledger>): void {
  describe(`${name}: a ledger`, () => {
    let now = NOW;
    let ledger: Ledger;
    beforeEach(async () => {
      now = NOW;
      ledger = await make(() => now);
    });

    appending(() => ledger);
    expiring(
      () => ledger,
      (later) => (now = later),
    );
    remembering(() => ledger);
  });
}

function appending(ledger: () => Ledger): void {
  test('keeps an entry as it was given', async () => {
    const entry = entryOf('one', { body: JSON.stringify({ text: 'é, 漢, "quoted" and \u{1F30D}\n' }) });
    expect(await ledger().append([entry])).toEqual(['accepted']);
    expect(await ledger().read([entry.key], NOW)).toEqual([entry]);
  });

  test('takes none at all', async () => {
    expect(await ledger().append([])).toEqual([]);
    expect(await ledger().read([], NOW)).toEqual([]);
  });

  test('tells a duplicate from a conflict, alone and in company, and keeps what was first', async () => {
    const first = entryOf('one');
    await ledger().append([first]);
    expect(await ledger().append([entryOf('one')])).toEqual(['duplicate']);
    expect(await ledger().append([entryOf('one', { content: 'other' })])).toEqual(['conflict']);
    expect(await ledger().append([entryOf('two'), entryOf('one', { content: 'other' })])).toEqual([
      'accepted',
      'conflict',
    ]);
    expect(await ledger().read([first.key], NOW)).toEqual([first]);
  });

  test('answers accepted to the very same append again: its first answer may have been lost', async () => {
    const entries = [entryOf('one'), entryOf('two')];
    await ledger().append(entries);
    expect(await ledger().append(entries)).toEqual(['accepted', 'accepted']);
    expect(await ledger().append(entries.slice(0, 1))).toEqual(['accepted']);
  });

  test('gives each of 250 its own result, whatever stands in the way of others', async () => {
    const ids = (index: number): string => `event ${index}`;
    await ledger().append(many(250, (index) => entryOf(ids(index))).filter((_, index) => index % 3 !== 0));
    const again = many(250, (index) => entryOf(ids(index), index % 3 === 1 ? { content: 'other' } : {}));
    const results = await ledger().append(again);
    expect(results).toEqual(again.map((_, index) => ['accepted', 'conflict', 'duplicate'][index % 3]));
    const kept = await ledger().read(
      again.map(({ key }) => key),
      NOW,
    );
    expect(kept.map((entry, index) => entry?.key === again[index]?.key)).not.toContain(false);
  });

  test('takes 30 entries of 300 kB', async () => {
    const entries = many(30, (index) =>
      entryOf(`large ${index}`, { body: JSON.stringify('é'.repeat(150_000)) }),
    );
    expect(new Set(await ledger().append(entries))).toEqual(new Set(['accepted']));
    const kept = await ledger().read(
      entries.map(({ key }) => key),
      NOW,
    );
    expect(kept.map((entry) => entry?.body.length)).toEqual(entries.map(({ body }) => body.length));
  });

  test('lets one of many win a race for a key, and harms no neighbour', async () => {
    const racers = many(8, (index) => entryOf('contended', { content: `racer ${index}` }));
    const results = await Promise.all(
      racers.map((racer, index) => ledger().append([entryOf(`neighbour ${index}`), racer])),
    );
    expect(results.map(([neighbour]) => neighbour)).toEqual(racers.map(() => 'accepted'));
    expect(results.filter(([, racer]) => racer === 'accepted')).toHaveLength(1);
    expect(results.filter(([, racer]) => racer === 'conflict')).toHaveLength(7);
  });

  test('reads in the order asked, the same key twice, and nothing where there is nothing', async () => {
    const entries = many(130, (index) => entryOf(`event ${index}`));
    await ledger().append(entries);
    const keys = entries.map(({ key }) => key).reverse();
    const read = await ledger().read([...keys, 'none', keys[0] ?? ''], NOW);
    expect(read.map((entry) => entry?.key)).toEqual([...keys, undefined, keys[0]]);
  });
}

function expiring(ledger: () => Ledger, goTo: (now: Date) => void): void {
  test('hides what has expired, though it is still stored', async () => {
    const entry = entryOf('short', { expires: NOW.getTime() / 1000 + 60 });
    await ledger().append([entry]);
    expect(await ledger().read([entry.key], new Date(NOW.getTime() + 59_999))).toEqual([entry]);
    expect(await ledger().read([entry.key], new Date(NOW.getTime() + 60_000))).toEqual([undefined]);
  });

  test('takes the key of what has expired again, alone and in company', async () => {
    const expires = NOW.getTime() / 1000 + 60;
    await ledger().append([entryOf('one', { expires }), entryOf('two', { expires }), entryOf('three')]);
    goTo(new Date(NOW.getTime() + HOUR));
    const one = entryOf('one', { content: 'new' });
    expect(await ledger().append([one])).toEqual(['accepted']);
    expect(await ledger().append([entryOf('two'), entryOf('three'), entryOf('one')])).toEqual([
      'accepted',
      'duplicate',
      'conflict',
    ]);
    expect(await ledger().read([one.key], NOW)).toEqual([one]);
  });
}

function remembering(ledger: () => Ledger): void {
  const at = (text: string): Date => new Date(text);

  test('walks a dataset from (inclusive) to (exclusive), oldest first, across days', async () => {
    const times = [
      '2026-03-01T23:59:59.999Z',
      '2026-03-02T00:00:00.000Z',
      '2026-03-02T12:00:00.000Z',
      '2026-03-04T00:00:00.000Z',
    ];
    const entries = many(4, (index) => entryOf(`event ${index}`, { at: at(times[index] ?? '') }));
    await ledger().append([...entries].reverse());
    await ledger().append([entryOf('elsewhere', { dataset: 'parking', at: at('2026-03-02T12:00:00.000Z') })]);
    const sequences = entries.map(({ sequence }) => sequence);
    const history = (from: string, to: string): Promise<string[]> =>
      historyOf(ledger(), 'school-air', at(from), at(to));
    expect(await history('2026-03-01T00:00:00.000Z', '2026-03-05T00:00:00.000Z')).toEqual(sequences);
    expect(await history('2026-03-02T00:00:00.000Z', '2026-03-04T00:00:00.000Z')).toEqual(
      sequences.slice(1, 3),
    );
    expect(await history('2026-03-01T23:59:59.999Z', '2026-03-02T00:00:00.000Z')).toEqual(
      sequences.slice(0, 1),
    );
    expect(await history('2026-03-02T00:00:00.000Z', '2026-03-02T12:00:00.000Z')).toEqual(
      sequences.slice(1, 2),
    );
    expect(await history('2026-03-04T00:00:00.000Z', '2026-03-04T00:00:00.000Z')).toEqual([]);
  });

  test('walks 2 500 entries in order, once each', async () => {
    const entries = many(2500, (index) => entryOf(`event ${index}`, { at: new Date(NOW.getTime() + index) }));
    await ledger().append(entries);
    const history = await historyOf(ledger(), 'school-air', NOW, new Date(NOW.getTime() + HOUR));
    expect(history).toEqual(entries.map(({ sequence }) => sequence));
  });
}
