import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { dispatcher } from '../../functions/api/dispatch.ts';
import { ROUTES } from '../../functions/api/routes.ts';
import type { HttpAnswer, HttpRequest } from '../../functions/http.ts';
import { makeKey } from '../../domain/identify.ts';
import type { KeyRequest, Participant } from '../../schemas/participant.ts';
import { PROBLEMS, ProblemError, problemToDocument } from '../../schemas/problem.ts';
import { given, TYPE } from '../given.ts';
import { type MemoryMesh, meshInMemory } from '../domain/mesh.ts';

let mesh: MemoryMesh;
let keys: { operator: string; dpo: string; atmo: string; app: string; lab: string };

async function keyOf(participant: string, more: Partial<KeyRequest> = {}): Promise<string> {
  const { text, item } = makeKey(participant, mesh.now(), randomBytes, { label: 'test', ...more });
  await mesh.has('key', item);
  return text;
}
async function party(
  id: string,
  roles: Participant['roles'],
  more: Partial<KeyRequest> = {},
): Promise<string> {
  await mesh.has('participant', given.participant({ id, roles }));
  return keyOf(id, more);
}
beforeEach(async () => {
  mesh = meshInMemory();
  keys = {
    operator: await party('city', ['provider'], { role: 'operator' }),
    dpo: await keyOf('city', { role: 'dpo' }),
    atmo: await party('atmo', ['provider']),
    app: await party('app', ['consumer']),
    lab: await party('lab', ['consumer']),
  };
});

interface Answered {
  status: number;
  headers: Record<string, string>;
  // A test looks at what was answered as a client would; it asserts on what it needs.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any;
}

/** Asks as the chain would: problems become their documents, bodies pass through JSON. */
async function ask(
  key: string | undefined,
  line: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const [method = '', target = ''] = line.split(' ');
  const url = new URL(target, 'https://mesh.example.org');
  const request: HttpRequest = {
    method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body:
      body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  };
  const answer = await dispatcher(mesh, ROUTES)(request, {
    request: 'req-1',
    did: () => undefined,
    note: () => undefined,
    count: () => undefined,
  }).catch((error: unknown): HttpAnswer => {
    if (!(error instanceof ProblemError)) throw error;
    const { problem } = error;
    return {
      status: PROBLEMS[problem.kind].status,
      json: problemToDocument(problem),
      headers: retryAfter(problem.retryAfter),
    };
  });
  const json: unknown = answer.json === undefined ? undefined : JSON.parse(JSON.stringify(answer.json));
  return { status: answer.status, headers: answer.headers ?? {}, json };
}
const retryAfter = (after: number | undefined): Record<string, string> =>
  after === undefined ? {} : { 'retry-after': String(after) };

const sharing = (more = {}) => ask(keys.atmo, 'PUT /v1/datasets/school-air', given.datasetRequest(more));
const agreeing = async (): Promise<string> =>
  (await ask(keys.app, 'POST /v1/contracts', { dataset: 'school-air', purpose: 'research' })).json.id;

describe('who may ask', () => {
  const guarded = ROUTES.filter(({ who }) => who !== 'anyone').map(({ method, path }) => [
    method,
    path.replace(/\{(\w+)\}/g, '$1-x'),
  ]);

  test.each(guarded)('%s %s needs a key', async (method, path) => {
    expect((await ask(undefined, `${method} ${path}`)).status).toBe(401);
    expect((await ask('maille_wrong', `${method} ${path}`)).status).toBe(401);
  });

  test.each(
    ROUTES.filter(({ scopes }) => scopes.length > 0).map(
      ({ method, path, scopes }) => [method, path, scopes] as const,
    ),
  )('%s %s needs a key with its scope', async (method, path, scopes) => {
    const others = (['publish', 'consume', 'manage'] as const).filter((scope) => !scopes.includes(scope));
    const key = await keyOf('city', { scopes: others, role: 'operator' });
    await mesh.registry.write([
      {
        do: 'replace',
        noun: 'participant',
        before: given.participant({ id: 'city', roles: ['provider'] }),
        item: given.participant({ id: 'city', roles: ['provider', 'consumer'] }),
      },
    ]);
    const answer = await ask(key, `${method} ${path.replace(/\{(\w+)\}/g, '$1-x')}`, {});
    expect(answer.status).toBe(403);
    expect(answer.json.detail).toContain('scope');
  });

  test.each([
    ['POST /v1/participants', 'atmo'],
    ['GET /v1/participants', 'app'],
    ['PATCH /v1/participants/atmo', 'atmo'],
    ['PUT /v1/datasets/x-1', 'app'],
    ['POST /v1/contracts', 'atmo'],
    ['POST /v1/subscriptions', 'atmo'],
    ['GET /v1/publications', 'app'],
  ] as const)('%s is not for %s', async (line, who) => {
    const answer = await ask(keys[who], line, {});
    expect(answer.status).toBe(403);
    expect(answer.json.detail).toContain('role');
  });

  test('a suspended participant may only learn that it is', async () => {
    await sharing();
    await ask(keys.operator, 'PATCH /v1/participants/app', { status: 'suspended' });
    const refused = await ask(keys.app, 'POST /v1/contracts', { dataset: 'school-air', purpose: 'research' });
    expect([refused.status, refused.json.detail]).toEqual([403, expect.stringContaining('suspended')]);
    expect((await ask(keys.app, 'GET /v1/me')).json).toMatchObject({
      participant: 'app',
      status: 'suspended',
    });
    expect((await ask(keys.app, 'GET /v1/notices')).json.items).toMatchObject([
      { type: 'maille.participant.suspended.v1' },
    ]);
    expect((await ask(keys.app, 'GET /v1/datasets')).json.items).toHaveLength(1);
  });
});

describe('what is asked', () => {
  test('nowhere is a 404, by a wrong method a 405 that tells the right ones', async () => {
    expect((await ask(keys.app, 'GET /v1/nothing')).status).toBe(404);
    expect((await ask(keys.app, 'GET /participants')).status).toBe(404);
    const wrong = await ask(keys.app, 'DELETE /v1/participants');
    expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'POST, GET']);
  });

  test.each([
    ['{"id": }', 'line 1, column 8 (character 7)'],
    ['{\n "id": "x",\n y}', 'line 3, column 2'],
    ['{"id": "x"', 'character 10'],
    ['', 'JSON body'],
  ])('with the unreadable body %j is a 400 that says where, and quotes nothing', async (body, where) => {
    const answer = await ask(keys.operator, 'POST /v1/participants', body);
    expect(answer.status).toBe(400);
    expect(answer.json.detail).toContain(where);
    expect(answer.json.detail).not.toContain('"id"');
  });

  test('with another media type is a 415', async () => {
    const answer = await ask(keys.operator, 'POST /v1/participants', 'id: x', {
      'content-type': 'application/yaml',
    });
    expect(answer.status).toBe(415);
  });

  test('with several faults is told all of them, by JSON Pointer', async () => {
    const answer = await ask(keys.operator, 'POST /v1/participants', {
      id: 'X!',
      roles: [],
      contact: { name: 'a', email: 'no' },
      'a/b': 1,
    });
    expect(answer.status).toBe(422);
    const paths = answer.json.errors.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(expect.arrayContaining(['/id', '/name', '/roles', '/contact/email']));
  });

  test.each(['limit=0', 'limit=201', 'limit=x', 'colour=red'])(
    'by a list with ?%s is a 422',
    async (query) => {
      expect((await ask(keys.app, `GET /v1/datasets?${query}`)).status).toBe(422);
    },
  );

  test.each(['datasets', 'audit', 'dead-letters', 'participants'])(
    'by a cursor that %s has not given is a 400',
    async (list) => {
      expect((await ask(keys.operator, `GET /v1/${list}?cursor=abc`)).status).toBe(400);
    },
  );

  test('is a list by pages also where there are only a few', async () => {
    const queues = async (query: string) => {
      const { json } = await ask(keys.operator, `GET /v1/dead-letters${query}`);
      return [json.items.map(({ queue }: { queue: string }) => queue), json.next];
    };
    const all = ['delivery-dead', 'rule-dead', 'route-dead', 'admit-dead'];
    expect(await queues('?limit=10')).toEqual([all, null]);
    const [some, next] = await queues('?limit=3');
    expect(some).toEqual(all.slice(0, 3));
    expect(await queues(`?limit=3&cursor=${next}`)).toEqual([all.slice(3), null]);
  });
});

describe('a call that comes twice', () => {
  const body = { dataset: 'school-air', purpose: 'research' };
  const once = { 'idempotency-key': 'k-1' };
  beforeEach(() => sharing());

  test('under one key makes one contract, with the same answer', async () => {
    const first = await ask(keys.app, 'POST /v1/contracts', body, once);
    const second = await ask(keys.app, 'POST /v1/contracts', body, once);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.json).toEqual(first.json);
    expect(second.headers).toMatchObject({
      location: first.headers['location'],
      'idempotent-replayed': 'true',
    });
    expect((await ask(keys.app, 'GET /v1/contracts')).json.items).toHaveLength(1);
  });

  test('with another body or path under the same key is a 422', async () => {
    await ask(keys.app, 'POST /v1/contracts', body, once);
    expect((await ask(keys.app, 'POST /v1/contracts', { ...body, legalBasis: 'x' }, once)).status).toBe(422);
    expect((await ask(keys.app, 'POST /v1/contracts?dryRun=true', body, once)).status).toBe(422);
  });

  test('of two participants is two calls', async () => {
    await ask(keys.app, 'POST /v1/contracts', body, once);
    const other = await ask(keys.lab, 'POST /v1/contracts', body, once);
    expect(other.json.consumer).toBe('lab');
  });

  test('repeats a secret that is shown once', async () => {
    const destination = { kind: 'webhook', url: 'https://app.example.org/' };
    const asked = { contract: await agreeing(), destination };
    const first = await ask(keys.app, 'POST /v1/subscriptions', asked, once);
    expect(first.json.secret).toMatch(/^whsec_/);
    expect((await ask(keys.app, 'POST /v1/subscriptions', asked, once)).json.secret).toBe(first.json.secret);
  });
});

describe('what was made', () => {
  const making = async () => (await sharing()).headers;

  test('is where it says, below the stage of the API', async () => {
    const location = 'https://mesh.example.org/mesh/v1/datasets/school-air';
    expect(await making()).toMatchObject({ location });
    const contract = { dataset: 'school-air', purpose: 'research' };
    const { headers, json } = await ask(keys.app, 'POST /v1/contracts', contract);
    const path = headers['location']?.slice('https://mesh.example.org/mesh'.length);
    expect((await ask(keys.app, `GET ${path}`)).json).toEqual(json);
  });

  test('is told by its path where nobody knows the address of the mesh', async () => {
    Object.assign(mesh, { publicUrl: undefined });
    expect(await making()).toMatchObject({ location: '/v1/datasets/school-air' });
  });

  test('has no place where it is not to be got', async () => {
    const made = await ask(keys.atmo, 'POST /v1/participants/atmo/keys', { label: 'second' });
    expect([made.status, made.headers['location']]).toEqual([201, undefined]);
    expect((await ask(keys.atmo, `GET /v1/participants/atmo/keys/${made.json.id}`)).status).toBe(405);
  });
});

describe('a story through the front door', () => {
  test('from admission to subscription, and back', async () => {
    const contact = { name: 'Ada', email: 'ada@example.org' };
    const admitted = await ask(keys.operator, 'POST /v1/participants', {
      id: 'bouygues',
      name: 'Bouygues',
      roles: ['provider'],
      contact,
    });
    expect(admitted.status).toBe(201);
    const key: string = admitted.json.key;
    expect((await ask(key, 'GET /v1/me')).json).toMatchObject({
      territory: 'test',
      participant: 'bouygues',
      roles: ['provider'],
    });

    const offer = { purposes: ['research'], approval: 'provider' };
    const put = await ask(
      key,
      'PUT /v1/datasets/buildings',
      given.datasetRequest({ offer: { ...offer, minimisation: [], approval: 'provider' } }),
    );
    expect([put.status, put.headers['etag']]).toEqual([201, '"1"']);
    expect((await ask(undefined, 'GET /v1/datasets/buildings')).headers['etag']).toBe('"1"');
    expect((await ask(undefined, `GET /v1/datasets/buildings/types/${TYPE}/schemas/1`)).json).toMatchObject({
      version: 1,
    });
    expect((await ask(key, 'PUT /v1/datasets/buildings', given.datasetRequest())).status).toBe(428);
    expect(
      (await ask(key, 'PUT /v1/datasets/buildings', given.datasetRequest(), { 'if-match': '"9"' })).status,
    ).toBe(412);

    const dry = await ask(keys.app, 'POST /v1/contracts?dryRun=true', {
      dataset: 'buildings',
      purpose: 'research',
    });
    expect(dry.status).toBe(200);
    const requested = await ask(keys.app, 'POST /v1/contracts', {
      dataset: 'buildings',
      purpose: 'research',
      digest: dry.json.digest,
    });
    expect([requested.status, requested.json.state]).toEqual([201, 'requested']);
    const at = `/v1/contracts/${requested.json.id}`;
    expect(
      (
        await ask(keys.app, 'POST /v1/subscriptions', {
          contract: requested.json.id,
          destination: { kind: 'pull' },
        })
      ).status,
    ).toBe(409);
    expect((await ask(key, `POST ${at}/accept`, { digest: dry.json.digest })).json).toMatchObject({
      state: 'active',
    });

    const made = await ask(keys.app, 'POST /v1/subscriptions', {
      contract: requested.json.id,
      destination: { kind: 'pull' },
    });
    expect([made.status, made.json.subscription.status]).toEqual([201, 'starting']);
    const mine = `/v1/subscriptions/${made.json.subscription.id}`;
    expect((await ask(keys.app, `PATCH ${mine}`, { paused: true })).json.status).toBe('paused');
    expect(
      (await ask(keys.app, `GET ${mine}/deliveries?status=parked&since=2026-01-01T00:00:00Z`)).json,
    ).toEqual({ items: [], next: null });
    expect((await ask(keys.app, `POST ${mine}/recover`, { since: '2026-01-01T00:00:00Z' })).json).toEqual({
      recovered: 0,
      more: false,
      next: null,
    });
    expect((await ask(keys.app, `DELETE ${mine}`)).status).toBe(204);

    expect((await ask(keys.app, `POST ${at}/suspend`, { reason: 'holidays' })).json.state).toBe('suspended');
    expect((await ask(keys.app, `POST ${at}/resume`)).json.state).toBe('active');
    expect((await ask(keys.app, `POST ${at}/terminate`, {})).status).toBe(422);
    expect((await ask(keys.app, `POST ${at}/terminate`, { reason: 'done' })).json.state).toBe('terminated');
    const told = (await ask(key, 'GET /v1/notices')).json.items.map(({ type }: { type: string }) => type);
    expect(told).toContain('maille.contract.terminated.v1');
  });

  test('finds nothing of somebody else’s, as if it were not there', async () => {
    await sharing();
    const contract = await agreeing();
    const made = await ask(keys.app, 'POST /v1/subscriptions', { contract, destination: { kind: 'pull' } });
    const subscription: string = made.json.subscription.id;
    const delivery = given.delivery({ subscription, status: 'parked' });
    await mesh.deliveries.write([delivery]);
    const [appKey] = (await ask(keys.app, 'GET /v1/participants/app/keys')).json.items;
    for (const [line, body] of [
      [`GET /v1/contracts/${contract}`],
      [`POST /v1/contracts/${contract}/terminate`, { reason: 'x' }],
      [`GET /v1/subscriptions/${subscription}`],
      [`PATCH /v1/subscriptions/${subscription}`, { paused: true }],
      [`DELETE /v1/subscriptions/${subscription}`],
      [`POST /v1/subscriptions/${subscription}/test`],
      [`POST /v1/subscriptions/${subscription}/secret`],
      [`POST /v1/subscriptions/${subscription}/recover`, { since: '2026-01-01T00:00:00Z' }],
      [`GET /v1/subscriptions/${subscription}/deliveries`],
      [`GET /v1/deliveries/${delivery.id}`],
      [`POST /v1/deliveries/${delivery.id}/retry`],
      ['GET /v1/participants/app'],
      ['GET /v1/participants/app/keys'],
      [`DELETE /v1/participants/app/keys/${appKey.id}`],
      ['POST /v1/subscriptions', { contract, destination: { kind: 'pull' } }],
    ] as const) {
      expect([line, (await ask(keys.lab, line, body)).status]).toEqual([line, 404]);
    }
    expect((await ask(keys.app, 'GET /v1/me')).status).toBe(200);
  });

  test('health is for everybody', async () => {
    for (const path of ['/health', '/v1/health']) {
      expect((await ask(undefined, `GET ${path}`)).json).toMatchObject({ status: 'ok', territory: 'test' });
    }
  });

  test('who the mesh is and by which key it signs is for everybody, and for caches', async () => {
    const { status, headers, json } = await ask(undefined, 'GET /.well-known/webhooks-keys.json');
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('public, max-age=3600');
    expect(json).toEqual({
      territory: 'test',
      origin: 'mesh.example.org',
      keys: [
        {
          id: expect.stringMatching(/^[\w-]{43}$/),
          key: expect.stringMatching(/^whpk_[A-Za-z0-9+/]{43}=$/),
          jwk: expect.objectContaining({ kty: 'OKP', crv: 'Ed25519' }),
        },
      ],
    });
    const again = await ask(undefined, 'GET /.well-known/webhooks-keys.json');
    expect(again.json).toEqual(json);
    expect(JSON.stringify(json)).not.toContain('"d"');
  });
});
