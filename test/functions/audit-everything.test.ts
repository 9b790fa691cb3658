import { beforeEach, describe, expect, test } from 'vitest';
import { eventKey } from '../../events/key.ts';
import { ROUTES } from '../../functions/api/routes.ts';
import type { Route } from '../../functions/api/route.ts';
import { given, SCHEMA, TYPE } from '../given.ts';
import { apiInMemory } from './asking.ts';

type Api = Awaited<ReturnType<typeof apiInMemory>>;
type Who = keyof Api['keys'];

/** A deed that a route is asked for, after all that it needs has been done. */
interface Deed {
  /** Absent for whoever needs no key. */
  who?: Who;
  line: string;
  body?: unknown;
  /** Somebody known who asks for the same and is refused, with the status; absent where anybody may. */
  refused?: { who: Who; status: number };
}

let api: Api;
beforeEach(async () => {
  api = await apiInMemory();
});
const must = async (who: Who | undefined, line: string, body?: unknown) => {
  const answer = await api.ask(who && api.keys[who], line, body);
  if (answer.status >= 300) throw new Error(`${line}: ${answer.status} ${JSON.stringify(answer.json)}`);
  return answer.json;
};

const shared = (approval: 'automatic' | 'provider' = 'automatic') => {
  const offer = { purposes: ['research'], minimisation: [], approval };
  return must('atmo', 'PUT /v1/datasets/school-air', given.datasetRequest({ offer }));
};
/** A contract that app has asked for, as far as it came by its approval. */
const requested = async (approval: 'automatic' | 'provider' = 'automatic') => {
  await shared(approval);
  return must('app', 'POST /v1/contracts', { dataset: 'school-air', purpose: 'research' });
};
const subscribed = async (): Promise<string> => {
  const { id: contract } = await requested();
  const destination = { kind: 'webhook', url: 'https://app.example.org/hook' };
  return (await must('app', 'POST /v1/subscriptions', { contract, destination })).subscription.id;
};
/** A subscription whose receiver has said nothing yet, and where it may do so later. */
const unverified = async () => {
  api.mesh.sender.shake = () => ({ kind: 'answer', status: 405, body: '' });
  const id = await subscribed();
  const headers = api.mesh.sender.handshakes[0]?.headers ?? {};
  return { id, consent: new URL(headers['webhook-request-callback'] ?? '').pathname.replace('/mesh', '') };
};
const upload = {
  dataset: 'school-air',
  type: TYPE,
  contentType: 'application/json',
  bytes: 9,
  sha256: '0'.repeat(64),
};
const begun = async (): Promise<string> => {
  await shared();
  return (await must('atmo', 'POST /v1/uploads', upload)).id;
};
const narrower = { ...SCHEMA, required: ['co2', 'room'] };
const SCHEMA_PATH = `/v1/datasets/school-air/types/${TYPE}/schema`;
const inDays = (days: number): string => new Date(api.mesh.now().getTime() + days * 86_400_000).toISOString();
const reason = 'for a reason';
const byParty = (who: Who, line: string, body?: unknown): Deed => ({
  who,
  line,
  body,
  refused: { who: 'lab', status: 404 },
});
const byRole = (who: Who, line: string, body: unknown, other: Who): Deed => ({
  who,
  line,
  body,
  refused: { who: other, status: 403 },
});

/** For each route that changes something, how it comes to be asked. */
const DEEDS: Record<string, () => Promise<Deed>> = {
  'POST /v1/participants': async () =>
    byRole('operator', 'POST /v1/participants', given.participantRequest({ id: 'new' }), 'app'),
  'PATCH /v1/participants/{id}': async () =>
    byRole('operator', 'PATCH /v1/participants/app', { name: 'App' }, 'app'),
  'POST /v1/participants/{id}/keys': async () =>
    byParty('app', 'POST /v1/participants/app/keys', { label: 'second' }),
  'DELETE /v1/participants/{id}/keys/{key}': async () => {
    const { id } = await must('app', 'POST /v1/participants/app/keys', { label: 'second' });
    return byParty('app', `DELETE /v1/participants/app/keys/${id}`);
  },
  'PUT /v1/datasets/{id}': async () =>
    byRole('atmo', 'PUT /v1/datasets/school-air', given.datasetRequest(), 'app'),
  'POST /v1/datasets/{id}/retire': async () => {
    await shared();
    return byRole('atmo', 'POST /v1/datasets/school-air/retire', { reason, on: inDays(31) }, 'app');
  },
  'PUT /v1/datasets/{id}/types/{type}/schema': async () => {
    await shared();
    return byRole('atmo', `PUT ${SCHEMA_PATH}`, { ...SCHEMA, title: 'CO2' }, 'app');
  },
  'DELETE /v1/datasets/{id}/types/{type}/schema': async () => {
    await requested();
    await must('atmo', `PUT ${SCHEMA_PATH}?effective=${inDays(31)}`, narrower);
    return byRole('atmo', `DELETE ${SCHEMA_PATH}`, undefined, 'app');
  },
  'POST /v1/subscriptions/{id}/replay': async () => {
    const span = { from: inDays(-1), to: inDays(0) };
    return byParty('app', `POST /v1/subscriptions/${await subscribed()}/replay`, span);
  },
  'DELETE /v1/replays/{id}': async () => {
    const span = { from: inDays(-1), to: inDays(0) };
    const { id } = await must('app', `POST /v1/subscriptions/${await subscribed()}/replay`, span);
    return byParty('app', `DELETE /v1/replays/${id}`);
  },
  'POST /v1/uploads': async () => {
    await shared();
    return byRole('atmo', 'POST /v1/uploads', upload, 'app');
  },
  'POST /v1/uploads/{id}/complete': async () => {
    const id = await begun();
    const before = await api.mesh.registry.read('upload', id);
    const event = { source: '//test/atmo', id, digest: '0'.repeat(64) };
    if (!before) throw new Error('the upload is gone');
    const item = { ...before, state: 'accepted' as const, event };
    await api.mesh.registry.write([{ do: 'replace', noun: 'upload', before, item }]);
    return byRole('atmo', `POST /v1/uploads/${id}/complete`, undefined, 'app');
  },
  'DELETE /v1/uploads/{id}': async () =>
    byRole('atmo', `DELETE /v1/uploads/${await begun()}`, undefined, 'app'),
  'POST /v1/contracts': async () => {
    await shared();
    return byRole('app', 'POST /v1/contracts', { dataset: 'school-air', purpose: 'research' }, 'atmo');
  },
  'POST /v1/contracts/{id}/offer': async () =>
    byParty('atmo', `POST /v1/contracts/${(await requested('provider')).id}/offer`, { terms: {} }),
  'POST /v1/contracts/{id}/accept': async () => {
    const { id, digest } = await requested('provider');
    return byParty('atmo', `POST /v1/contracts/${id}/accept`, { digest });
  },
  'POST /v1/contracts/{id}/reject': async () =>
    byParty('atmo', `POST /v1/contracts/${(await requested('provider')).id}/reject`, { reason }),
  'POST /v1/contracts/{id}/suspend': async () =>
    byParty('atmo', `POST /v1/contracts/${(await requested()).id}/suspend`, { reason }),
  'POST /v1/contracts/{id}/resume': async () => {
    const { id } = await requested();
    await must('atmo', `POST /v1/contracts/${id}/suspend`, { reason });
    return byParty('atmo', `POST /v1/contracts/${id}/resume`);
  },
  'POST /v1/contracts/{id}/terminate': async () =>
    byParty('app', `POST /v1/contracts/${(await requested()).id}/terminate`, { reason }),
  'POST /v1/contracts/{id}/extend': async () => {
    await shared();
    const wish = { dataset: 'school-air', purpose: 'research', until: inDays(10) };
    const { id } = await must('app', 'POST /v1/contracts', wish);
    return byParty('app', `POST /v1/contracts/${id}/extend`, { until: inDays(20) });
  },
  'POST /v1/subscriptions': async () => {
    const wish = { contract: (await requested()).id, destination: { kind: 'pull' } };
    return byParty('app', 'POST /v1/subscriptions', wish);
  },
  'PATCH /v1/subscriptions/{id}': async () =>
    byParty('app', `PATCH /v1/subscriptions/${await subscribed()}`, { paused: true }),
  'DELETE /v1/subscriptions/{id}': async () =>
    byParty('app', `DELETE /v1/subscriptions/${await subscribed()}`),
  'POST /v1/subscriptions/{id}/test': async () =>
    byParty('app', `POST /v1/subscriptions/${await subscribed()}/test`),
  'POST /v1/subscriptions/{id}/verify': async () => {
    const { id } = await unverified();
    api.mesh.sender.shake = () => ({ kind: 'answer', status: 200, consent: { origin: '*' }, body: '' });
    return byParty('app', `POST /v1/subscriptions/${id}/verify`);
  },
  'GET /v1/subscriptions/{id}/consent/{word}': async () => ({ line: `GET ${(await unverified()).consent}` }),
  'POST /v1/subscriptions/{id}/consent/{word}': async () => ({
    line: `POST ${(await unverified()).consent}`,
  }),
  'POST /v1/subscriptions/{id}/secret': async () =>
    byParty('app', `POST /v1/subscriptions/${await subscribed()}/secret`),
  'POST /v1/subscriptions/{id}/recover': async () =>
    byParty('app', `POST /v1/subscriptions/${await subscribed()}/recover`, { since: inDays(-1) }),
  'POST /v1/deliveries/{id}/retry': async () => {
    const parked = given.delivery({ subscription: await subscribed(), status: 'parked' });
    await api.mesh.deliveries.write([parked]);
    return byParty('app', `POST /v1/deliveries/${parked.id}/retry`);
  },
  'PUT /v1/me/notices': async () => ({
    who: 'app',
    line: 'PUT /v1/me/notices',
    body: { webhook: 'https://app.example.org/notices' },
  }),
  'DELETE /v1/datasets/{id}/events': async () => {
    await shared();
    const key = eventKey('school-air', '//test/atmo', 'badge');
    await api.mesh.ledger.append([given.entry({ key })]);
    return byRole('atmo', 'DELETE /v1/datasets/school-air/events?id=badge', undefined, 'app');
  },
  'POST /v1/notices/{id}/ack': async () => {
    const { id } = await api.mesh.has('notice', given.notice());
    return byParty('app', `POST /v1/notices/${id}/ack`);
  },
  'POST /v1/dead-letters/{queue}/redrive': async () =>
    byRole('operator', 'POST /v1/dead-letters/delivery-dead/redrive', undefined, 'app'),
};

const nameOf = ({ method, path }: Route): string => `${method} ${path}`;
/** Reading changes nothing, but for a receiver that says by it that it wants events. */
const CHANGING = ROUTES.filter(({ method, did }) => method !== 'GET' || did === 'subscription.consented');

test('each route that changes something is looked at here: a new one needs a deed of its own in this table', () => {
  expect(Object.keys(DEEDS).sort()).toEqual(CHANGING.map(nameOf).sort());
});

describe.each(CHANGING.map((route) => [nameOf(route), route] as const))('%s', (name, { did }) => {
  const entriesOf = async (outcome: 'done' | 'refused') =>
    (await must('dpo', `GET /v1/audit?action=${did}&outcome=${outcome}&limit=200`)).items;

  test('is kept in the audit: who did it, and on what', async () => {
    const { who, line, body } = await DEEDS[name]!();
    const before = await entriesOf('done');
    await must(who, line, body);
    // One deed may take several transactions.
    const entries = (await entriesOf('done')).slice(0, -before.length || undefined);
    const participant = who === undefined ? 'public' : who === 'operator' ? 'city' : who;
    expect(entries).not.toEqual([]);
    for (const entry of entries) {
      expect(entry).toMatchObject({ participant, request: 'req-1' });
      expect([entry.noun, entry.subject]).not.toContain('');
    }
  });

  test('is kept in the audit where it is refused', async () => {
    const { line, body, refused } = await DEEDS[name]!();
    if (!refused) return;
    expect((await api.ask(api.keys[refused.who], line, body)).status).toBe(refused.status);
    expect(await entriesOf('refused')).toMatchObject([{ participant: refused.who, changes: [] }]);
  });
});

test.each(['POST /v1/contracts?dryRun=true', `PUT ${SCHEMA_PATH}?dryRun=true`])(
  'what is only tried, %s, is no deed',
  async (line) => {
    await shared();
    const contract = { dataset: 'school-air', purpose: 'research' };
    await (line.startsWith('POST') ? must('app', line, contract) : must('atmo', line, SCHEMA));
    const { items } = await must('dpo', 'GET /v1/audit?limit=200');
    expect(items.map(({ action }: { action: string }) => action)).toEqual(['dataset.put']);
  },
);
