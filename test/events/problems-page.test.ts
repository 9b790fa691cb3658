import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PROBLEMS } from '../../schemas/problem.ts';

it('describes every problem, under the anchor that its type ends with', () => {
  const page = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8');
  const sections = [...page.matchAll(/^## (\S+)\n\n(\d{3})\./gm)].map(([, name, status]) => [
    name,
    Number(status),
  ]);
  expect(Object.fromEntries(sections)).toEqual(
    Object.fromEntries(Object.entries(PROBLEMS).map(([name, { status }]) => [name, status])),
  );
});
