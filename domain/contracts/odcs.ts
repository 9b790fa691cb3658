import type { Contract } from '../../schemas/contract.ts';
import type { Dataset, MinimisationClause, SchemaVersion } from '../../schemas/dataset.ts';
import { seconds } from '../../schemas/duration.ts';
import { coveredFields } from './covered-schema.ts';

/** What a contract is compiled from: itself, its dataset and the schemas of the types that it covers. */
export interface ContractSource {
  contract: Contract;
  dataset: Dataset;
  schemas: SchemaVersion[];
  /** The id of the territory, in which ids of participants and datasets have their meaning. */
  territory: string;
}

/** The standard's words for how far a contract is. */
const STATUS: { [State in Contract['state']]: string } = {
  requested: 'proposed',
  offered: 'proposed',
  agreed: 'draft',
  active: 'active',
  suspended: 'deprecated',
  terminated: 'retired',
  rejected: 'retired',
  expired: 'retired',
};

/** A contract as an Open Data Contract Standard document (Bitol ODCS 3.1.0). */
export function odcsDocument({ contract, dataset, schemas, territory }: ContractSource): object {
  const { id, revision, state, purpose, terms, from, until, createdAt } = contract;
  const { minimisation, price } = terms;
  return {
    apiVersion: 'v3.1.0',
    kind: 'DataContract',
    id,
    version: `${revision}.0.0`,
    status: STATUS[state],
    name: `${textOf(dataset.title)} (${contract.provider} → ${contract.consumer})`,
    tenant: territory,
    domain: dataset.theme,
    dataProduct: dataset.id,
    ...(dataset.keywords.length > 0 && { tags: dataset.keywords }),
    description: {
      purpose: textOf(dataset.description),
      usage: purpose,
      ...(minimisation.length > 0 && { limitations: minimisation.map(toldOf).join('; ') }),
    },
    schema: schemas.map(({ type, schema, version }) => ({
      name: type,
      logicalType: 'object',
      physicalType: 'event',
      ...fieldsOf(coveredFields(schema, minimisation)),
      customProperties: [custom('schemaVersion', version)],
    })),
    ...(price && {
      price: {
        priceAmount: price.amount,
        priceCurrency: price.currency,
        priceUnit: price.per === 'event' ? 'event' : price.per === 'P1D' ? 'day' : 'month',
      },
    }),
    roles: [{ role: contract.consumer, access: 'read' }],
    slaProperties: [
      { property: 'generalAvailability', value: from },
      ...(until === undefined ? [] : [{ property: 'endOfLife', value: until }]),
      { property: 'retention', value: dataset.retentionDays, unit: 'd' },
      ...minimisation.flatMap((clause) =>
        clause.do === 'delay'
          ? [{ property: 'latency', value: seconds(clause.by), unit: 's', description: clause.clause }]
          : [],
      ),
    ],
    customProperties: customOf(contract, dataset),
    contractCreatedTs: createdAt,
  };
}

const custom = (property: string, value: unknown) => ({ property, value });

const fieldsOf = (properties: object[]) => (properties.length > 0 ? { properties } : {});

/** What the standard has no word for, in the words of the mesh. */
function customOf(contract: Contract, { licence, access, personalData }: Dataset) {
  const { provider, consumer, purpose, types, legalBasis, terms, approval, state, digest } = contract;
  const { minimisation, quota, durationDays, noticeDays } = terms;
  const all = {
    provider,
    consumer,
    purpose,
    types,
    legalBasis,
    state,
    approval,
    digest,
    licence,
    access,
    personalData,
    datasetRevision: contract.datasetRevision,
    minimisation: minimisation.length > 0 ? minimisation : undefined,
    quota,
    durationDays,
    noticeDays,
  };
  return Object.entries(all).flatMap(([property, value]) =>
    value === undefined ? [] : [custom(property, value)],
  );
}

/** A clause as a person reads it. */
function toldOf(clause: MinimisationClause): string {
  switch (clause.do) {
    case 'drop':
      return `${clause.path} is dropped`;
    case 'round':
      return `${clause.path} is rounded to ${clause.to}`;
    case 'pseudonymise':
      return `${clause.path}, id and subject are pseudonyms, rotated every ${clause.rotate}`;
    case 'delay':
      return `events come ${clause.by} after they were accepted`;
  }
}

/** A text in the one language that these standards have. */
const textOf = (text: Dataset['title']): string => (typeof text === 'string' ? text : text.en);
