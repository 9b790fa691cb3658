import { ulid } from 'ulid';
import type { Change, Nouns, Registry } from '../../domain/ports.ts';

/** The instant at which the registry's tests begin. */
export const START = new Date('2026-03-04T12:00:00.000Z');
const AT = START.toISOString();

/** An id of a noun that sorts by `order`. */
export const idAt = (prefix: string, order: number): string => `${prefix}_${ulid(START.getTime() + order)}`;

/** A participant; what a test does not name is the same for all. */
export const participant = (
  id: string,
  changes: Partial<Nouns['participant']> = {},
): Nouns['participant'] => ({
  id,
  name: id,
  roles: ['provider', 'consumer'],
  contact: { name: 'Ada', email: 'ada@example.org' },
  status: 'active',
  createdAt: AT,
  ...changes,
});

/** A key of a participant. */
export const key = (owner: string, order = 0, changes: Partial<Nouns['key']> = {}): Nouns['key'] => ({
  id: idAt('key', order),
  participant: owner,
  hash: '0'.repeat(64),
  label: 'of a test',
  scopes: ['publish'],
  createdAt: AT,
  ...changes,
});

/** A dataset with so many types. */
export const dataset = (
  id: string,
  changes: Partial<Nouns['dataset']> & { typeCount?: number } = {},
): Nouns['dataset'] => {
  const { typeCount = 1, ...rest } = changes;
  return {
    id,
    provider: 'atmo',
    title: 'Air in schools',
    description: { fr: 'CO₂ mesuré dans les écoles', en: 'CO₂ measured in schools' },
    theme: 'air',
    keywords: [],
    licence: 'ODbL-1.0',
    access: 'shared',
    personalData: false,
    retentionDays: 30,
    offer: { purposes: ['research'], minimisation: [], approval: 'automatic' },
    types: Array.from({ length: typeCount }, (_, index) => ({
      type: `air.observed.${index}.v1`,
      compatibility: 'backward',
      schemaVersion: 1,
    })),
    status: 'active',
    revision: 1,
    createdAt: AT,
    updatedAt: AT,
    ...rest,
  };
};

/** A version of the schema of a type. */
export const schema = (of: string, type: string, version: number): Nouns['schema'] => ({
  dataset: of,
  type,
  version,
  schema: { type: 'object', properties: { co2: { type: 'number' } } },
  createdAt: AT,
});

/** A contract between two parties. */
export const contract = (order: number, changes: Partial<Nouns['contract']> = {}): Nouns['contract'] => ({
  id: idAt('ctr', order),
  dataset: 'school-air',
  datasetRevision: 1,
  provider: 'atmo',
  consumer: 'app',
  purpose: 'research',
  from: AT,
  terms: { minimisation: [] },
  approval: 'automatic',
  state: 'active',
  history: [],
  digest: 'abc',
  createdAt: AT,
  revision: 1,
  ...changes,
});

/** A subscription to a pull queue. */
export const subscription = (
  order: number,
  changes: Partial<Nouns['subscription']> = {},
): Nouns['subscription'] => ({
  id: idAt('sub', order),
  contract: 'ctr_01JAAAAAAAAAAAAAAAAAAAAAAA',
  dataset: 'school-air',
  provider: 'atmo',
  consumer: 'app',
  filter: { data: { co2: [{ numeric: ['>', 1000] }] } },
  destination: { kind: 'pull', concurrency: 10 },
  status: 'starting',
  rule: { name: 'rule', bus: 'maille-test', putAt: AT, settled: true },
  secrets: [],
  createdAt: AT,
  revision: 1,
  ...changes,
});

/** A notice to a participant. */
export const notice = (to: string, order: number): Nouns['notice'] => ({
  id: idAt('ntc', order),
  participant: to,
  type: 'maille.contract.activated.v1',
  subject: 'ctr',
  time: AT,
  data: {},
});

/** A refused publication. */
export const publication = (of: string, order: number, expires: Date): Nouns['publication'] => ({
  id: idAt('pub', order),
  participant: of,
  status: 'rejected',
  eventId: 'one',
  problem: { kind: 'not-valid', detail: 'no' },
  at: AT,
  expires: expires.getTime() / 1000,
});

/** A replay that is done. */
export const replay = (order: number, changes: Partial<Nouns['replay']> = {}): Nouns['replay'] => ({
  id: idAt('rpl', order),
  subscription: 'sub_01JAAAAAAAAAAAAAAAAAAAAAAA',
  contract: 'ctr_01JAAAAAAAAAAAAAAAAAAAAAAA',
  dataset: 'school-air',
  provider: 'atmo',
  consumer: 'app',
  from: AT,
  to: AT,
  status: 'done',
  seen: 0,
  sent: 0,
  createdAt: AT,
  updatedAt: AT,
  revision: 1,
  expires: START.getTime() / 1000 + 3600,
  ...changes,
});

/** An upload that waits. */
export const upload = (order: number, changes: Partial<Nouns['upload']> = {}): Nouns['upload'] => ({
  id: idAt('upl', order),
  provider: 'atmo',
  dataset: 'school-air',
  type: 'air.observed.0.v1',
  contentType: 'image/png',
  bytes: 1,
  sha256: '0'.repeat(64),
  name: 'until/2026-04-01/one.raw',
  state: 'waiting',
  createdAt: AT,
  updatedAt: AT,
  expiresAt: AT,
  swept: false,
  revision: 1,
  expires: START.getTime() / 1000 + 3600,
  ...changes,
});

/** A breaking change of a schema that is announced. */
export const schemaPlan = (of: string, type: string): Nouns['schemaPlan'] => ({
  id: `${of}#${type}`,
  dataset: of,
  provider: 'atmo',
  type,
  schema: { type: 'object' },
  breaking: [{ path: '/type', message: 'does not allow null' }],
  status: 'planned',
  told: false,
  announcedAt: AT,
  effective: AT,
});

/** An hour in milliseconds. */
export const HOUR = 3_600_000;

/** An instant after the start. */
export const later = (milliseconds: number): Date => new Date(START.getTime() + milliseconds);

/** The changes that make things. */
export const created = <N extends keyof Nouns>(noun: N, ...items: Nouns[N][]): Change[] =>
  // Safe: noun and item belong together by the type of the arguments.
  items.map((item) => ({ do: 'create', noun, item }) as unknown as Change);

/** What a test of the registry is given: an empty one, and the way to choose its present. */
export type Given = () => { registry: Registry; goTo: (now: Date) => void };
