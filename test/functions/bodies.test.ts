import { describe, expect, test } from 'vitest';
import { ROUTES } from '../../functions/api/routes.ts';
import { given } from '../given.ts';
import { apiInMemory } from './asking.ts';

/** All but a receiver's consent, whose body is its own affair. */
const posts = ROUTES.filter(({ method, path }) => method === 'POST' && !path.includes('/consent/'));

/** The API, and an operator who provides and consumes as well. */
async function askedByAll() {
  const { mesh, keys, ask } = await apiInMemory();
  const city = given.participant({ id: 'city', roles: ['provider'] });
  const item = { ...city, roles: ['provider' as const, 'consumer' as const] };
  await mesh.registry.write([{ do: 'replace', noun: 'participant', before: city, item }]);
  return (line: string, body: unknown, headers = {}) => ask(keys.operator, line, body, headers);
}

describe('the body of a POST', () => {
  test.each(posts.map(({ path }) => path))('%s is read, also where it needs none', async (path) => {
    const ask = await askedByAll();
    const line = `POST ${path.replace(/\{(\w+)\}/g, '$1-x')}`;
    expect((await ask(line, '{')).status).toBe(400);
    expect((await ask(line, 'a: b', { 'content-type': 'application/yaml' })).status).toBe(415);
    const { status, json } = await ask(line, { 'no-such': 1 });
    expect(status).toBe(422);
    expect(json.errors).toContainEqual({ path: '/no-such', message: 'is not known here' });
  });

  test.each([undefined, {}])('may be left out where it needs none: %j', async (body) => {
    const ask = await askedByAll();
    expect((await ask('POST /v1/deliveries/dlv_x/retry', body)).status).toBe(404);
  });
});
