import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { GENERATED } from './generated.ts';

/** Writes every generated page: `npm run docs`. */
const root = join(import.meta.dirname, '..');
for (const { path, text } of GENERATED) {
  const file = join(root, path);
  writeFileSync(file, await format(text(), { ...(await resolveConfig(file)), filepath: file }));
  console.log(path);
}
