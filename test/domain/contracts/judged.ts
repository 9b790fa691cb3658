import type { ContractSource } from '../../../domain/contracts/odcs.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { Dataset, SchemaVersion } from '../../../schemas/dataset.ts';
import { given, TYPE } from '../../given.ts';

const schema: SchemaVersion = {
  dataset: 'fleet',
  type: TYPE,
  version: 3,
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['vehicle', 'at'],
    properties: {
      vehicle: { type: 'string', minLength: 3, maxLength: 20, pattern: '^v-' },
      at: { type: 'string', format: 'date-time' },
      day: { type: 'string', format: 'date' },
      battery: { type: 'number', minimum: 0, maximum: 100, examples: [67.5] },
      seats: { type: 'integer', exclusiveMinimum: 0 },
      broken: { type: 'boolean' },
      status: { enum: ['free', 'used'] },
      rider: {
        type: 'object',
        properties: { name: { type: 'string' }, phone: { type: ['string', 'null'] } },
      },
      position: {
        type: 'object',
        properties: {
          type: { const: 'Point' },
          coordinates: { type: 'array', prefixItems: [{ type: 'number' }, { type: 'number' }] },
        },
      },
      stops: { type: 'array', minItems: 1, items: { $ref: '#/$defs/stop' } },
      either: { oneOf: [{ type: 'string' }, { type: 'number' }] },
      anything: true,
    },
    $defs: {
      stop: { type: 'object', properties: { name: { type: 'string' }, next: { $ref: '#/$defs/stop' } } },
    },
  },
  createdAt: '2026-01-01T00:00:00.000Z',
};

/** One clause of each kind, the awkward paths too. */
const every: Contract['terms']['minimisation'] = [
  { clause: 'no-rider', do: 'drop', path: '/data/rider' },
  { clause: 'stop-names', do: 'drop', path: '/data/stops/*/name' },
  { clause: 'near', do: 'round', path: '/data/position', to: 200 },
  { clause: 'coarse', do: 'round', path: '/data/battery', to: 12.5 },
  { clause: 'who', do: 'pseudonymise', path: '/data/vehicle', rotate: 'P1D' },
  { clause: 'late', do: 'delay', by: 'PT15M' },
];
const { until: _, types: __, legalBasis: ___, ...plain } = given.contract({ dataset: 'fleet' });

const source = (contract: Partial<Contract>, dataset: Partial<Dataset> = {}): ContractSource => ({
  contract: { ...plain, ...contract },
  dataset: {
    ...given.dataset({ types: [{ type: TYPE, compatibility: 'backward', schemaVersion: 3 }] }),
    id: 'fleet',
    ...dataset,
  },
  schemas: [schema],
  territory: 'la-rochelle',
});

const processing = {
  legalBasis: 'GDPR 6(1)(b)',
  subjects: ['riders'],
  categories: ['positions'],
  transfers: [],
};

/** Contracts of all that terms can say, by what is special about each: for judges of generated documents. */
export const JUDGED: Record<string, ContractSource> = {
  'terms of nothing': source({ terms: { minimisation: [] } }),
  'every kind of clause': source({ types: [TYPE], terms: { minimisation: every } }),
  'a daily quota and a price per event': source({
    terms: {
      minimisation: [],
      quota: { events: 1000, per: 'P1D' },
      price: { amount: 0.002, currency: 'EUR', per: 'event' },
    },
  }),
  'a monthly quota and a price per month, with an end': source({
    until: '2027-01-01T00:00:00.000Z',
    terms: {
      minimisation: [],
      quota: { events: 1, per: 'P1M' },
      price: { amount: 49, currency: 'CHF', per: 'P1M' },
      durationDays: 365,
      noticeDays: 10,
    },
  }),
  'a price per day': source({
    terms: { minimisation: [], price: { amount: 0, currency: 'EUR', per: 'P1D' } },
  }),
  'personal data': source(
    { legalBasis: 'GDPR 6(1)(e)', approval: 'provider-and-dpo', terms: { minimisation: every } },
    {
      personalData: true,
      processing,
      keywords: ['vélo', 'scooter'],
      title: { fr: 'Flotte', en: 'Fleet' },
      access: 'restricted',
    },
  ),
  ...Object.fromEntries(
    (['requested', 'offered', 'agreed', 'suspended', 'terminated', 'rejected', 'expired'] as const).map(
      (state) => [`the state ${state}`, source({ state, terms: { minimisation: every } })],
    ),
  ),
};
