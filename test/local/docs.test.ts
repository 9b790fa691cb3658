import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { GENERATED } from '../../local/generated.ts';

test.each(GENERATED)('$path is what the code says: otherwise run `npm run docs`', async ({ path, text }) => {
  const file = join(import.meta.dirname, '../..', path);
  const written = await format(text(), { ...(await resolveConfig(file)), filepath: file });
  expect(readFileSync(file, 'utf8'), 'run `npm run docs`').toBe(written);
});
