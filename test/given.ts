import { contractDigest } from '../domain/contracts/terms.ts';
import type { LedgerEntry } from '../domain/ports.ts';
import type { CloudEvent } from '../events/cloudevent.ts';
import type { Contract } from '../schemas/contract.ts';
import type { Dataset, DatasetRequest } from '../schemas/dataset.ts';
import type { Delivery } from '../schemas/delivery.ts';
import type { Notice } from '../schemas/notice.ts';
import type { Caller, Participant, ParticipantRequest } from '../schemas/participant.ts';
import type { Subscription } from '../schemas/subscription.ts';

const AT = '2026-01-01T00:00:00.000Z';
const ULID = '01KDVDG400';
let counter = 0;

/** A ULID-shaped text, later ones sorting after earlier ones. */
const nextUlid = (): string => ULID + String((counter += 1)).padStart(16, '0');

/** The one event type of the story: CO2 of a class room. */
export const TYPE = 'org.example.co2.v1';

/** A schema for it. */
export const SCHEMA = {
  type: 'object',
  required: ['co2'],
  properties: { co2: { type: 'number' }, room: { type: 'string' }, teacher: { type: 'string' } },
};

/**
 * Things as the registry keeps them, complete and consistent with each other: `atmo` shares `school-air`, `app`
 * consumes it under an active contract. Each takes what a test wants to be otherwise.
 */
export const given = {
  participantRequest: (more: Partial<ParticipantRequest> = {}): ParticipantRequest => ({
    id: 'atmo',
    name: 'Atmo',
    roles: ['provider', 'consumer'],
    contact: { name: 'Ada', email: 'ada@example.org' },
    ...more,
  }),

  participant: (more: Partial<Participant> = {}): Participant => ({
    ...given.participantRequest(),
    status: 'active',
    createdAt: AT,
    ...more,
  }),

  caller: (participant: string, more: Partial<Caller> = {}): Caller => ({
    participant,
    key: `key_${nextUlid()}`,
    roles: ['provider', 'consumer'],
    scopes: ['publish', 'consume', 'manage'],
    ...more,
  }),

  datasetRequest: (more: Partial<DatasetRequest> = {}): DatasetRequest => ({
    title: { fr: "Air de l'école", en: 'Air of the school' },
    description: 'CO2 of class rooms, every minute',
    theme: 'air',
    keywords: ['co2', 'indoor'],
    licence: 'etalab-2.0',
    access: 'shared',
    personalData: false,
    retentionDays: 30,
    offer: { purposes: ['research', 'public-information'], minimisation: [], approval: 'automatic' },
    types: [{ type: TYPE, schema: SCHEMA, compatibility: 'backward' }],
    ...more,
  }),

  dataset: (more: Partial<Dataset> = {}): Dataset => ({
    ...given.datasetRequest(),
    id: 'school-air',
    provider: 'atmo',
    types: [{ type: TYPE, compatibility: 'backward', schemaVersion: 1 }],
    status: 'active',
    revision: 1,
    createdAt: AT,
    updatedAt: AT,
    ...more,
  }),

  contract: (more: Partial<Contract> = {}): Contract => {
    const draft: Omit<Contract, 'digest'> = {
      id: `ctr_${nextUlid()}`,
      dataset: 'school-air',
      datasetRevision: 1,
      provider: 'atmo',
      consumer: 'app',
      purpose: 'research',
      from: AT,
      terms: { minimisation: [] },
      approval: 'automatic',
      state: 'active',
      history: [{ at: AT, by: 'app', from: null, to: 'requested' }],
      createdAt: AT,
      revision: 1,
      ...more,
    };
    return { digest: contractDigest(draft), ...draft };
  },

  subscription: (more: Partial<Subscription> = {}): Subscription => {
    const id = more.id ?? `sub_${nextUlid()}`;
    return {
      id,
      contract: `ctr_${ULID}0000000000000000`,
      dataset: 'school-air',
      provider: 'atmo',
      consumer: 'app',
      destination: {
        kind: 'webhook',
        url: 'https://app.example.org/hook',
        mode: 'structured',
        concurrency: 10,
      },
      status: 'active',
      rule: { name: id, bus: 'maille-test', putAt: AT, settled: true },
      secrets: [{ sealed: 'v1:1:iv:box' }],
      createdAt: AT,
      revision: 1,
      ...more,
    };
  },

  delivery: (more: Partial<Delivery> = {}): Delivery => {
    const ulid = nextUlid();
    return {
      id: `dlv_${ulid}`,
      subscription: `sub_${ULID}0000000000000000`,
      event: { key: `key-${ulid}`, sequence: ulid, id: `e-${ulid}`, source: '//test/atmo', type: TYPE },
      status: 'delivered',
      verdict: 'deliver',
      clause: 'contract.terms',
      attempts: [],
      attemptCount: 0,
      createdAt: AT,
      updatedAt: AT,
      expires: Date.parse('2099-01-01') / 1000,
      ...more,
    };
  },

  event: (more: Partial<CloudEvent> = {}): CloudEvent => ({
    specversion: '1.0',
    id: `e-${nextUlid()}`,
    source: '//test/atmo',
    type: TYPE,
    time: AT,
    data: { co2: 800 },
    ...more,
  }),

  entry: (more: Partial<LedgerEntry> = {}): LedgerEntry => {
    const sequence = nextUlid();
    return {
      key: `key-${sequence}`,
      sequence,
      dataset: 'school-air',
      provider: 'atmo',
      type: TYPE,
      schemaVersion: 1,
      digest: 'a'.repeat(64),
      body: JSON.stringify(given.event()),
      expires: Date.parse('2099-01-01') / 1000,
      ...more,
    };
  },

  notice: (more: Partial<Notice> = {}): Notice => ({
    id: `ntc_${nextUlid()}`,
    participant: 'app',
    type: 'maille.contract.active.v1',
    subject: 'ctr_x',
    time: AT,
    data: {},
    ...more,
  }),
};
