import { createHash, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { monotonicFactory } from 'ulid';
import type { Row } from '../adapters/dynamodb/batch.ts';
import { publishablePartition } from '../adapters/dynamodb/keys.ts';
import { rowOfItem } from '../adapters/dynamodb/registry-row.ts';
import { publishableOf } from '../adapters/listings.ts';
import { sealWith } from '../adapters/sealing.ts';
import type { Nouns } from '../domain/ports.ts';
import type { CloudEvent } from '../events/cloudevent.ts';
import type { environment as delivering } from '../functions/deliver/environment.ts';
import type { environment as publishing } from '../functions/publish/environment.ts';
import type { environment as routing } from '../functions/route/environment.ts';
import type { Told } from '../functions/variables.ts';
import { namesOf } from '../infra/names.ts';
import { readTerritory } from '../infra/territory.ts';
import { co2Ecoles } from '../local/demo/datasets/co2-ecoles.ts';
import { AIR_TYPE, airEvent, CLASSROOMS, readAir } from '../local/demo/feeds/air.ts';
import { ROOT } from '../local/paths.ts';
import type { JsonSchema } from '../schemas/dataset.ts';

/** The territory that is measured: its registry is read as seldom as production's, and receivers may be on loopback. */
export const TERRITORY = readTerritory('la-rochelle.local');
/** What its resources are called. */
export const NAMES = namesOf(TERRITORY);
/** The type of all events, and its schema: real readings, replayed by the demonstration too. */
export const TYPE = AIR_TYPE;
const AT = '2026-01-01T00:00:00.000Z';
const ULID = '01KDVDG4000000000000000000';
const PROVIDER = 'atmo';
const CONSUMER = 'app';
const DATASET = 'co2-ecoles';

/** The sealing key, as the parameter store holds it. */
export const SEALING_KEY = createHash('sha256').update('bench').digest();
/** What signs the webhooks. */
export const SECRET = `whsec_${createHash('sha256').update('webhook').digest('base64')}`;
const KEY_SECRET = createHash('sha256').update('key').digest();
/** The provider's API key, as its requests carry it. */
export const API_KEY = `maille_${PROVIDER}_${ULID}_${KEY_SECRET.toString('base64url')}`;
/** Whom the rule's input transformer stamps on each message. */
export const STAMP = {
  id: `sub_${ULID}`,
  contract: `ctr_${ULID}`,
  dataset: DATASET,
  provider: PROVIDER,
  consumer: CONSUMER,
};

/** The schema of the events. */
export const SCHEMA: JsonSchema = co2Ecoles.types[0]?.schema ?? {};

/** The registry of the measured territory as rows: one provider, one dataset, one consumer with one webhook. */
export async function registryRows(webhook: string): Promise<Row[]> {
  const party = (id: string, role: 'provider' | 'consumer'): Nouns['participant'] => ({
    id,
    name: id,
    roles: [role],
    contact: { name: id, email: `${id}@example.org` },
    status: 'active',
    createdAt: AT,
  });
  const { types, ...rest } = co2Ecoles;
  const dataset: Nouns['dataset'] = {
    ...rest,
    id: DATASET,
    provider: PROVIDER,
    types: types.map(({ type, compatibility }) => ({ type, compatibility, schemaVersion: 1 })),
    status: 'active',
    revision: 1,
    createdAt: AT,
    updatedAt: AT,
  };
  const publishable = {
    pk: { S: publishablePartition(PROVIDER) },
    sk: { S: DATASET },
    item: { S: JSON.stringify(publishableOf(dataset)) },
  };
  const key: Nouns['key'] = {
    id: `key_${ULID}`,
    participant: PROVIDER,
    hash: createHash('sha256').update(KEY_SECRET.toString('base64url')).digest('hex'),
    label: 'bench',
    scopes: ['publish'],
    createdAt: AT,
  };
  return [
    publishable,
    rowOfItem('participant', party(PROVIDER, 'provider')),
    rowOfItem('participant', party(CONSUMER, 'consumer')),
    rowOfItem('key', key),
    rowOfItem('dataset', dataset),
    rowOfItem('schema', { dataset: DATASET, type: TYPE, version: 1, schema: SCHEMA, createdAt: AT }),
    rowOfItem('contract', contract()),
    rowOfItem('subscription', await subscription(webhook)),
  ];
}

const contract = (): Nouns['contract'] => ({
  id: STAMP.contract,
  dataset: DATASET,
  datasetRevision: 1,
  provider: PROVIDER,
  consumer: CONSUMER,
  purpose: 'airing',
  from: AT,
  // Nothing to minimise: the floor does not either.
  terms: { minimisation: [] },
  approval: 'automatic',
  state: 'active',
  history: [],
  digest: '',
  createdAt: AT,
  revision: 1,
});

async function subscription(url: string): Promise<Nouns['subscription']> {
  const sealer = sealWith('1', () => Promise.resolve(createSecretKey(SEALING_KEY)));
  return {
    ...STAMP,
    destination: { kind: 'webhook', url, mode: 'structured', concurrency: 10 },
    status: 'active',
    rule: { name: STAMP.id, bus: NAMES.buses[0] ?? '', putAt: AT, settled: true },
    secrets: [{ sealed: await sealer.seal(SECRET) }],
    createdAt: AT,
    revision: 1,
  };
}

const file = `${ROOT}local/demo/data/indoor-co2-occupancy-test.csv`;
let readings: ReturnType<typeof readAir> | undefined;
let made = 0;

/** As many readings as asked for, each with an id that no other has. */
export function airEvents(count: number, more: Record<string, unknown> = {}): CloudEvent[] {
  readings ??= readAir(readFileSync(file, 'utf8'));
  const known = readings;
  return Array.from({ length: count }, () => {
    made += 1;
    const [room] = CLASSROOMS;
    const reading = known[made % known.length];
    if (!room || !reading) throw new Error('the recorded room has no rows');
    const event = airEvent(`//${TERRITORY.id}/${PROVIDER}`, room, reading, new Date());
    return { ...event, id: `${process.pid}-${made}`, ...more };
  });
}

const nextUlid = monotonicFactory();
/** A ULID that no other call gave. */
export const nextSequence = (): string => nextUlid();

/** What the functions ask their environment for: a variable that is missing here does not compile. */
type Asked = Told<typeof publishing> & Told<typeof routing> & Told<typeof delivering>;

/** What each function is told, and where AWS is. */
export const environmentOf = (stub: string): Asked & Record<string, string> => ({
  TERRITORY: JSON.stringify(TERRITORY),
  LEDGER_TABLE: NAMES.ledger,
  REGISTRY_TABLE: NAMES.registry,
  DELIVERIES_TABLE: NAMES.deliveries,
  BUS_NAMES: NAMES.buses.join(','),
  DELIVERY_QUEUE_URL: `${stub}/000000000000/${NAMES.delivery}`,
  ROUTE_DEAD_LETTERS_URL: `${stub}/000000000000/${NAMES.routeDead}`,
  SEALING_KEY_PARAMETER: NAMES.sealingKey,
  HANDING_ROLE: 'arn:aws:iam::000000000000:role/deliver',
  PUBLIC_URL: 'https://api.example.org/v1',
  PAYLOADS_URL: 'https://api.example.org/v1/payloads',
  PAYLOADS_BUCKET: NAMES.payloadsPrefix,
  AWS_ENDPOINT_URL: stub,
  AWS_REGION: 'eu-west-3',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_LAMBDA_FUNCTION_NAME: 'bench',
});
