import fc from 'fast-check';
import { expect, test } from 'vitest';
import { everyItem, filteredPage } from '../../domain/control.ts';
import type { Page, PageRequest } from '../../domain/ports.ts';

/** A list of numbers that counts how often it is read. */
function counted(items: number[]) {
  const list = { reads: 0, read };
  async function read({ limit, cursor }: PageRequest): Promise<Page<number>> {
    list.reads += 1;
    const start = Number(cursor ?? 0);
    const end = start + limit;
    return { items: items.slice(start, end), next: end < items.length ? String(end) : null };
  }
  return list;
}

test('filtered pages, one after the other, hold each thing that passes once, in order, none too long', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(9), { maxLength: 600 }),
      fc.integer({ min: 1, max: 7 }),
      async (items, limit) => {
        const keep = (item: number): boolean => item < 4;
        const seen: number[] = [];
        for await (const page of pages(counted(items).read, limit, keep)) {
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items);
        }
        expect(seen).toEqual(items.filter(keep));
      },
    ),
  );
});

test('a filter that nothing passes ends after a bounded number of reads, and says where to go on', async () => {
  const list = counted(Array.from({ length: 5000 }, () => 0));
  const page = await filteredPage(list.read, { limit: 10 }, () => false);
  expect(page).toEqual({ items: [], next: String(10 + 9 * 200) });
  expect(list.reads).toBe(10);
});

test('what passes rarely is found in few reads, and what all pass in one', async () => {
  const list = counted(Array.from({ length: 1000 }, (_, n) => n));
  const page = await filteredPage(list.read, { limit: 2 }, (n) => n % 300 === 299);
  expect(page).toEqual({ items: [299, 599], next: '602' });
  expect(list.reads).toBe(4);
  const before = list.reads;
  await filteredPage(list.read, { limit: 50 }, () => true);
  expect(list.reads - before).toBe(1);
});

test('every item comes, page by page', async () => {
  const seen: number[] = [];
  const list = counted(Array.from({ length: 450 }, (_, n) => n));
  for await (const item of everyItem(list.read)) seen.push(item);
  expect(seen).toHaveLength(450);
  expect(list.reads).toBe(3);
});

async function* pages(
  read: (page: PageRequest) => Promise<Page<number>>,
  limit: number,
  keep: (item: number) => boolean,
) {
  let cursor: string | undefined;
  do {
    const page = await filteredPage(read, { limit, ...(cursor !== undefined && { cursor }) }, keep);
    yield page;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}
