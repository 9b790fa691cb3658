import type { DatasetRequest } from '../../../schemas/dataset.ts';
import { BUILDING_TYPE } from '../feeds/rsee.ts';

const amount = (unit: string, description: string) => ({
  type: 'object',
  description,
  properties: { value: { type: 'number', minimum: 0 }, unit: { const: unit } },
  required: ['value', 'unit'],
  additionalProperties: false,
});

const limited = (unit: string, description: string) => ({
  type: 'object',
  description: `${description} Compliant when the value is at most the maximum.`,
  properties: {
    value: { type: 'number' },
    max: { type: 'number' },
    unit: { const: unit },
    compliant: { type: 'boolean' },
  },
  required: ['value', 'max', 'unit', 'compliant'],
  additionalProperties: false,
});

const texts = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { type: 'string' }]));

const indicators = {
  type: 'object',
  properties: {
    bbio: limited('points', 'Bioclimatic need.'),
    cep: limited('kWhep/(m²·an)', 'Primary energy.'),
    cepNr: limited('kWhep/(m²·an)', 'Non-renewable primary energy.'),
    dh: limited('°C·h', 'Degree-hours of summer discomfort.'),
    icConstruction: limited('kg CO2 eq/m²', 'Carbon of components and building site, over 50 years.'),
    icEnergie: limited('kg CO2 eq/m²', 'Carbon of the energy used, over 50 years.'),
    stockC: amount('kg C/m²', 'Biogenic carbon stored.'),
    udd: amount('1', 'Share of default environmental data, as the study gives it.'),
  },
  required: ['bbio', 'cep', 'cepNr', 'icConstruction', 'icEnergie', 'stockC', 'udd'],
  additionalProperties: false,
};

const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'RE2020 indicators of a building',
  description: "One building of an RE2020 study (RSEE), with the regulation's indicators, maxima and units.",
  type: 'object',
  properties: {
    rseeVersion: { type: 'string', description: "The version of the RSEE's form." },
    phase: { type: 'integer', minimum: 1, maximum: 8 },
    operation: {
      type: 'object',
      properties: texts('name', 'permit', 'address', 'postcode', 'city', 'climateZone'),
      required: ['name', 'city', 'climateZone'],
      additionalProperties: false,
    },
    building: {
      type: 'object',
      properties: {
        index: { type: 'integer', minimum: 1 },
        name: { type: 'string' },
        floorArea: amount('m²', 'Reference area (Sref).'),
      },
      required: ['index', 'floorArea'],
      additionalProperties: false,
    },
    indicators,
    carbonCompliant: { type: 'boolean', description: 'Both carbon indicators are at most their maxima.' },
  },
  required: ['rseeVersion', 'operation', 'building', 'indicators', 'carbonCompliant'],
  additionalProperties: false,
};

/** A builder's building emissions: a contract is made at once, and its terms keep permit and street to the builder. */
export const re2020Batiments: DatasetRequest = {
  title: { fr: 'Émissions des bâtiments (RE2020)', en: 'Building emissions (RE2020)' },
  description: {
    fr: 'Indicateurs RE2020 par bâtiment, tirés des études (RSEE). Chiffres fictifs, au format réel.',
    en: 'RE2020 indicators for each building, out of the studies (RSEE). Invented figures in the real format.',
  },
  theme: 'energy',
  keywords: ['RE2020', 'carbone', 'bâtiments durables'],
  licence: 'LicenseRef-contract',
  access: 'shared',
  personalData: false,
  retentionDays: 365,
  offer: {
    purposes: ['supervision', 'research'],
    minimisation: [
      { clause: 'no-permit', do: 'drop', path: '/data/operation/permit' },
      { clause: 'no-street', do: 'drop', path: '/data/operation/address' },
    ],
    noticeDays: 90,
    approval: 'automatic',
  },
  types: [{ type: BUILDING_TYPE, schema, compatibility: 'backward' }],
};
