import { beforeEach, describe, expect, test } from 'vitest';
import { given } from '../given.ts';
import { apiInMemory } from './asking.ts';

let api: Awaited<ReturnType<typeof apiInMemory>>;
beforeEach(async () => {
  api = await apiInMemory();
  for (const id of ['air-1', 'air-3']) await api.mesh.has('dataset', given.dataset({ id }));
  for (const id of ['air-2', 'air-4'])
    await api.mesh.has('dataset', given.dataset({ id, access: 'restricted', visibleTo: ['app'] }));
});

const page = async (key: string | undefined, query: string) => {
  const { status, json } = await api.ask(key, `GET /v1/datasets?${query}`);
  const items: { id: string }[] = json.items ?? [];
  return { status, ids: items.map(({ id }) => id), next: json.next as string | null };
};

describe('the cursors of lists', () => {
  test('lead from page to page, and to no page behind which there is nothing to see', async () => {
    const first = await page(undefined, 'limit=1');
    expect(first.ids).toEqual(['air-1']);
    const second = await page(undefined, `limit=1&cursor=${first.next}`);
    expect(second).toMatchObject({ ids: ['air-3'], next: null });
    const all = await page(api.keys.app, 'limit=3');
    expect(all.ids).toEqual(['air-1', 'air-2', 'air-3']);
    expect((await page(api.keys.app, `limit=3&cursor=${all.next}`)).ids).toEqual(['air-4']);
  });

  test('tell nothing, and are never the same', async () => {
    const { next } = await page(undefined, 'limit=1');
    expect(Buffer.from(next ?? '', 'base64url').toString('latin1')).not.toContain('air');
    expect((await page(undefined, 'limit=1')).next).not.toBe(next);
  });

  test('are as long whatever stands in them', async () => {
    await api.mesh.has('dataset', given.dataset({ id: 'a'.repeat(63) }));
    const lengths = [1, 2].map(async (limit) => (await page(undefined, `limit=${limit}`)).next?.length);
    expect(new Set(await Promise.all(lengths)).size).toBe(1);
  });

  test('are of use to who got them, in that list, and nowhere else', async () => {
    const { next } = await page(api.keys.app, 'limit=1');
    for (const asked of [
      api.ask(api.keys.lab, `GET /v1/datasets?limit=1&cursor=${next}`),
      api.ask(undefined, `GET /v1/datasets?limit=1&cursor=${next}`),
      api.ask(api.keys.app, `GET /v1/contracts?role=consumer&limit=1&cursor=${next}`),
      api.ask(api.keys.app, `GET /v1/datasets?limit=1&cursor=${next?.slice(0, -2)}`),
      api.ask(api.keys.app, 'GET /v1/datasets?limit=1&cursor=nonsense'),
    ]) {
      const { status, json } = await asked;
      expect(status).toBe(400);
      expect(json.errors).toMatchObject([{ path: '/cursor' }]);
    }
  });
});
