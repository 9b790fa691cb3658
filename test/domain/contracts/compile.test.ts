import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import jsonld from 'jsonld';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { compile, type Compiled } from '../../../domain/contracts/compile.ts';
import { DOCUMENTS, preferredType } from '../../../domain/contracts/document.ts';
import type { ContractSource } from '../../../domain/contracts/odcs.ts';
import { contractDigest } from '../../../domain/contracts/terms.ts';
import { verdictOn } from '../../../domain/deliver/verdict.ts';
import { canonicalJson } from '../../../events/canonical.ts';
import type { Contract } from '../../../schemas/contract.ts';
import type { MinimisationClause, SchemaVersion } from '../../../schemas/dataset.ts';
import { given, TYPE } from '../../given.ts';

const fixture = (path: string): object =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures', path), 'utf8')) as object;

const schema: SchemaVersion = {
  dataset: 'school-air',
  type: TYPE,
  version: 3,
  schema: {
    type: 'object',
    required: ['co2', 'at'],
    properties: {
      co2: { type: 'number', description: 'ppm' },
      at: { type: 'string', format: 'date-time' },
      teacher: { type: 'string' },
      room: { $ref: '#/$defs/room' },
      readings: { type: 'array', items: { type: 'object', properties: { v: { type: 'integer' } } } },
      place: { type: ['object', 'null'], properties: { coordinates: { type: 'array' } } },
      anything: true,
    },
    $defs: {
      room: { type: 'object', properties: { name: { type: 'string' }, inner: { $ref: '#/$defs/room' } } },
    },
  },
  createdAt: '2026-01-01T00:00:00.000Z',
};
const drop = { clause: 'no-teacher', do: 'drop', path: '/data/teacher' } as const;
const round = { clause: 'coarse', do: 'round', path: '/data/co2', to: 100 } as const;
const pseudonymise = { clause: 'who', do: 'pseudonymise', path: '/data/room', rotate: 'P1D' } as const;
const delay = { clause: 'late', do: 'delay', by: 'PT15M' } as const;

const contract = given.contract({
  types: [TYPE],
  legalBasis: 'GDPR 6(1)(e)',
  until: '2027-01-01T00:00:00.000Z',
  terms: {
    minimisation: [drop, round, pseudonymise, delay],
    quota: { events: 100, per: 'P1D' },
    price: { amount: 0.25, currency: 'EUR', per: 'event' },
    durationDays: 365,
    noticeDays: 10,
  },
});
const sourceOf = (changed: Contract = contract): ContractSource => ({
  contract: changed,
  dataset: given.dataset({ types: [{ type: TYPE, compatibility: 'backward', schemaVersion: 3 }] }),
  schemas: [schema],
  territory: 'la-rochelle',
});
const withTerms = (more: Partial<Contract['terms']>): Partial<Contract> => ({
  terms: { ...contract.terms, ...more },
});
const withClause = (clause: MinimisationClause): Partial<Contract> =>
  withTerms({
    minimisation: contract.terms.minimisation.map((one) => (one.clause === clause.clause ? clause : one)),
  });

/** Each single term, changed, with every form that has to change with it. */
const paper = ['canonical', 'catalogue', 'odcs', 'odrl'] as const;
const clauses = ['verdict', 'minimisation', ...paper] as const;
const CHANGES: [string, Partial<Contract>, readonly (keyof Compiled)[]][] = [
  ['purpose', { purpose: 'public-information' }, paper],
  ['types', { types: [TYPE, 'org.example.noise.v1'] }, ['verdict', 'pattern', ...paper]],
  ['legalBasis', { legalBasis: 'consent' }, paper],
  ['from', { from: '2026-02-01T00:00:00.000Z' }, ['verdict', ...paper]],
  ['until', { until: '2026-12-01T00:00:00.000Z' }, ['verdict', ...paper]],
  ['state', { state: 'suspended' }, ['verdict', ...paper]],
  ['dataset', { dataset: 'other-air' }, ['pattern', 'canonical', 'odrl', 'catalogue']],
  ['provider', { provider: 'other' }, paper],
  ['consumer', { consumer: 'lab' }, paper],
  ['a dropped path', withClause({ ...drop, path: '/data/at' }), clauses],
  ['a rounded multiple', withClause({ ...round, to: 200 }), clauses],
  ['a rotation', withClause({ ...pseudonymise, rotate: 'PT1H' }), clauses],
  ['a delay', withClause({ ...delay, by: 'PT30M' }), clauses],
  ['the name of a clause', withTerms({ minimisation: [{ ...drop, clause: 'renamed' }] }), clauses],
  ['quota', withTerms({ quota: { events: 99, per: 'P1D' } }), ['quota', ...paper]],
  ['the period of the quota', withTerms({ quota: { events: 100, per: 'P1M' } }), ['quota', ...paper]],
  ['price', withTerms({ price: { amount: 1, currency: 'EUR', per: 'event' } }), paper],
  ['currency', withTerms({ price: { amount: 0.25, currency: 'CHF', per: 'event' } }), paper],
  ['what the price is for', withTerms({ price: { amount: 0.25, currency: 'EUR', per: 'P1M' } }), paper],
  ['durationDays', withTerms({ durationDays: 30 }), paper],
  ['noticeDays', withTerms({ noticeDays: 11 }), paper],
];

describe('one contract, compiled to everything', () => {
  test.each(CHANGES)('%s changed: whatever says it changes', (_, change, forms) => {
    const [before, after] = [compile(sourceOf()), compile(sourceOf({ ...contract, ...change }))];
    const changed = (Object.keys(before) as (keyof Compiled)[]).filter(
      (form) => JSON.stringify(before[form]) !== JSON.stringify(after[form]),
    );
    expect(changed.sort()).toEqual([...new Set(forms)].sort());
  });

  test.each(CHANGES.filter(([what]) => what !== 'state'))('%s changed: the digest changes', (_, change) => {
    expect(contractDigest({ ...contract, ...change })).not.toBe(contractDigest(contract));
  });

  test('the verdict names the clauses of the compiled contract', () => {
    const { verdict } = compile(sourceOf());
    const standing = {
      subscription: given.subscription(),
      contract,
      dataset: given.dataset(),
      provider: given.participant(),
      consumer: given.participant({ id: 'app' }),
    };
    const event = { type: TYPE, acceptedAt: new Date('2026-03-01T09:00:00Z'), jsonData: true };
    const { clause } = verdictOn(standing, event, new Date('2026-03-01T10:00:00Z'));
    const named = verdict.clauses.filter((one) => one.do !== 'delay').map((one) => one.clause);
    expect(clause).toBe(`minimisation.${named.join('+')}`);
  });
});

describe('the document of the Open Data Contract Standard', () => {
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(fixture('odcs/odcs-json-schema-v3.1.0.json'));
  const yaml = (changed?: Contract): Record<string, unknown> =>
    parse(DOCUMENTS['application/yaml'](sourceOf(changed))) as Record<string, unknown>;

  test.each(CHANGES)('is valid with another %s', (_, change) => {
    const valid = validate(yaml({ ...contract, ...change }));
    expect(validate.errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  test('is valid with terms of nothing, and in every state', () => {
    const { types: _, legalBasis: __, until: ___, ...rest } = contract;
    for (const state of ['requested', 'offered', 'agreed', 'active', 'suspended', 'terminated'] as const) {
      validate(yaml({ ...rest, state, terms: { minimisation: [] } }));
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  test('tells the fields that the consumer gets, and how', () => {
    const [type] = yaml()['schema'] as { properties: { name: string }[] }[];
    const fields = new Map(type?.properties.map((field) => [field.name, field]));
    expect([...fields.keys()]).toEqual(['co2', 'at', 'room', 'readings', 'place', 'anything']);
    expect(fields.get('co2')).toMatchObject({
      logicalType: 'number',
      required: true,
      description: 'ppm',
      transformDescription: expect.stringContaining('clause coarse'),
    });
    expect(fields.get('at')).toMatchObject({ logicalType: 'timestamp' });
    expect(fields.get('room')).toMatchObject({ logicalType: 'string' });
    expect(fields.get('room')).not.toHaveProperty('properties');
    expect(fields.get('readings')).toMatchObject({
      logicalType: 'array',
      items: { logicalType: 'object', properties: [{ name: 'v', logicalType: 'integer' }] },
    });
    expect(fields.get('anything')).toMatchObject({ physicalType: 'any' });
  });

  test('tells nothing below a dropped path, whatever its way there', () => {
    const told = (path: string): string =>
      JSON.stringify(yaml({ ...contract, terms: { minimisation: [{ ...drop, path }] } })['schema']);
    expect(told('/data/readings/*/v')).not.toContain('"v"');
    expect(told('/data/*')).not.toContain('"co2"');
    expect(told('/data')).not.toContain('"co2"');
    expect(told('/data/room')).not.toContain('inner');
  });
});

describe('the ODRL agreement', () => {
  const context = fixture('odrl/odrl.jsonld');
  const documentLoader = async (url: string) => {
    if (url !== 'http://www.w3.org/ns/odrl.jsonld') throw new Error(`nothing else is loaded: ${url}`);
    return { contextUrl: null, documentUrl: url, document: context };
  };
  const expanded = async (changed?: Contract): Promise<unknown> => {
    const document = JSON.parse(DOCUMENTS['application/ld+json'](sourceOf(changed))) as object;
    // Safe mode fails on whatever a processor would leave out.
    return jsonld.expand(document as jsonld.JsonLdDocument, { documentLoader, safe: true } as never);
  };
  const ODRL = 'http://www.w3.org/ns/odrl/2/';

  test('is JSON-LD of which no processor leaves anything out', async () => {
    const [agreement] = (await expanded()) as Record<string, unknown>[];
    expect(agreement).toMatchObject({
      '@id': `urn:maille:la-rochelle:contract:${contract.id}`,
      '@type': [`${ODRL}Agreement`],
      [`${ODRL}assigner`]: [{ '@id': 'urn:maille:la-rochelle:participant:atmo' }],
      [`${ODRL}assignee`]: [{ '@id': 'urn:maille:la-rochelle:participant:app' }],
      [`${ODRL}target`]: [{ '@id': 'urn:maille:la-rochelle:dataset:school-air' }],
    });
    const { permission, obligation } = {
      permission: agreement?.[`${ODRL}permission`] as Record<string, unknown>[],
      obligation: agreement?.[`${ODRL}obligation`] as Record<string, unknown>[],
    };
    expect(permission).toHaveLength(1);
    expect(permission[0]?.[`${ODRL}action`]).toEqual([{ '@id': `${ODRL}use` }]);
    const operands = (permission[0]?.[`${ODRL}constraint`] as Record<string, unknown>[]).map(
      (constraint) => (constraint[`${ODRL}leftOperand`] as { '@id': string }[])[0]?.['@id'],
    );
    expect(operands).toEqual(
      ['purpose', 'dateTime', 'dateTime', 'event', 'count', 'delayPeriod'].map((name) => ODRL + name),
    );
    expect(obligation.map((duty) => duty['@id'])).toEqual(
      ['no-teacher', 'coarse', 'who'].map((name) => `urn:maille:la-rochelle:contract:${contract.id}#${name}`),
    );
  });

  test.each(CHANGES)('stays so with another %s', async (_, change) => {
    expect(await expanded({ ...contract, ...change })).toHaveLength(1);
  });

  test('as a graph says the same however it is written', async () => {
    const options = { documentLoader, format: 'application/n-quads' } as never;
    const document = JSON.parse(DOCUMENTS['application/ld+json'](sourceOf())) as jsonld.JsonLdDocument;
    const quads = String(await jsonld.toRDF(document, options));
    expect(quads).toContain('"100"^^<http://www.w3.org/2001/XMLSchema#integer>');
    expect(quads).toContain('"PT15M"^^<http://www.w3.org/2001/XMLSchema#duration>');
    expect(quads).toContain('<https://maille.example/ns#pseudonymise>');
  });
});

test('the canonical document is RFC 8785, and proves its own digest', () => {
  const text = DOCUMENTS['application/json'](sourceOf());
  expect(text).toBe(canonicalJson(contract));
  expect(contractDigest(JSON.parse(text) as Contract)).toBe(contract.digest);
});

test.each([
  [undefined, 'application/json'],
  ['*/*', 'application/json'],
  ['application/yaml', 'application/yaml'],
  ['text/html, application/ld+json;q=0.9, application/json;q=0.5', 'application/ld+json'],
  ['application/json;q=0.1, application/*', 'application/yaml'],
  ['Application/YAML', 'application/yaml'],
  ['text/html', 'application/json'],
])('%s prefers %s', (accept, type) => {
  expect(preferredType(accept)).toBe(type);
});
