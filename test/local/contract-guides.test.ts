import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ZodType } from 'zod';
import { minimise } from '../../domain/deliver/minimise.ts';
import { acceptance, contractRequest, offering } from '../../schemas/contract.ts';
import { datasetRequest } from '../../schemas/dataset.ts';
import { noticesRequest } from '../../schemas/notice.ts';

const folder = join(import.meta.dirname, '../../docs/guides');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const GUIDES = ['partager-sous-contrat.md', 'sharing-under-contract.md'];

/** What each call takes, by the end of its path. */
const BODIES: Record<string, ZodType | undefined> = {
  '/v1/datasets/co2-mairie': datasetRequest,
  '/v1/contracts': contractRequest,
  '/v1/contracts/$contract/accept': acceptance,
  '/v1/contracts/$contract/offer': offering,
  '/v1/me/notices': noticesRequest,
};

const callsOf = (text: string) =>
  [...text.matchAll(/curl (?:-X PUT )?\$url(\S+) [^']*'Content-Type: application\/json' -d '([^']*)'/g)].map(
    ([, path = '', body = '']) => ({ path, body: JSON.parse(body) as { reason?: string } }),
  );

test.each(GUIDES)('the calls of %s are ones that the mesh takes', (name) => {
  const calls = callsOf(read(name));
  expect(calls.length).toBe((read(name).match(/^curl /gm) ?? []).length);
  for (const { path, body } of calls) {
    const schema = BODIES[path];
    if (schema) expect(schema.safeParse(body).error, path).toBeUndefined();
    else {
      expect(path).toMatch(/^\/v1\/contracts\/\$contract\/(reject|terminate)$/);
      expect(body.reason).not.toBe('');
    }
  }
});

test.each(GUIDES)('the pages that %s links to are there', (name) => {
  const links = [...read(name).matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(1);
  for (const link of links) expect(existsSync(join(folder, link)), link).toBe(true);
});

test('before and after are what minimising does', () => {
  const event = {
    specversion: '1.0',
    id: '1',
    source: '//x',
    type: 't',
    data: { co2: 1234, agent: 'Mme Martin' },
  };
  const offered = callsOf(read('partager-sous-contrat.md')).find(({ path }) => path.endsWith('/offer'));
  const { terms } = offering.parse(offered?.body);
  expect(minimise(event as never, terms.minimisation ?? [], undefined).data).toEqual({ co2: 1200 });
});
