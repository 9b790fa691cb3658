import { beforeEach, expect, test } from 'vitest';
import { getUpload } from '../../../domain/uploads/begin.ts';
import { checkUpload } from '../../../domain/uploads/check.ts';
import { sweepUploads } from '../../../domain/uploads/end.ts';
import { given } from '../../given.ts';
import type { MemoryMesh } from '../mesh.ts';
import { putFile, rowsMesh } from './rows-mesh.ts';

const atmo = given.caller('atmo');
let mesh: MemoryMesh;
beforeEach(async () => {
  mesh = await rowsMesh();
});

const becomes = async (status: 'active' | 'suspended'): Promise<void> => {
  const before = await mesh.registry.read('participant', 'atmo');
  if (!before) throw new Error('atmo is not there');
  const item = { ...before, status };
  await mesh.registry.write([{ do: 'replace', noun: 'participant', before, item }]);
};
/** Has what the ledger takes counted, and something done after each. */
const counted = (after: () => Promise<void> = () => Promise.resolve()) => {
  const taken: string[] = [];
  const ledger: typeof mesh.uploading.ledger = {
    ...mesh.ledger,
    append: async (entries) => {
      taken.push(...entries.map(({ key }) => key));
      const results = await mesh.ledger.append(entries);
      await after();
      return results;
    },
  };
  return { taken, checks: (id: string) => checkUpload({ ...mesh.uploading, ledger }, id) };
};

test.each([
  ['image/png', 'not read'],
  ['application/json', '{"co2":1}'],
  ['application/x-ndjson', '{"co2":1}\n'],
])('%s of a suspended provider waits, and is accepted once it is resumed', async (contentType, text) => {
  const upload = await putFile(mesh, text, contentType);
  await becomes('suspended');
  const { taken, checks } = counted();
  await sweepUploads({ ...mesh, checkUpload: checks }, mesh.now());
  expect(taken).toEqual([]);
  expect(await getUpload(mesh, atmo, upload.id)).toEqual(upload);
  await becomes('active');
  await sweepUploads({ ...mesh, checkUpload: checks }, mesh.now());
  expect(taken).toHaveLength(1);
  expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'accepted' });
});

test('a large file whose provider is suspended between two blocks stands still there', async () => {
  const upload = await putFile(mesh, '{"co2":1}\n'.repeat(600), 'application/x-ndjson');
  const { taken, checks } = counted(() => becomes('suspended'));
  expect(await checks(upload.id)).toBe('unavailable');
  expect(await checks(upload.id)).toBe('unavailable');
  expect(taken).toHaveLength(1);
  expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ state: 'checking', events: 1 });
  await becomes('active');
  expect(await checkUpload(mesh.uploading, upload.id)).toBe('ended');
  expect(await getUpload(mesh, atmo, upload.id)).toMatchObject({ rows: { accepted: 600, refused: 0 } });
});
