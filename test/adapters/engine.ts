import { CreateTableCommand, type DynamoDBClient, type GlobalSecondaryIndex } from '@aws-sdk/client-dynamodb';
import { randomUUID } from 'node:crypto';
import { REGISTRY_INDEXES } from '../../infra/names.ts';
import { quickDynamoClient } from '../../adapters/dynamodb/client.ts';

/** The engine that the AWS half of a conformance suite runs on; throws, and never skips, when there is none. */
export function engineEndpoint(): string {
  const endpoint = process.env['AWS_ENDPOINT_URL'];
  if (!endpoint) {
    throw new Error(
      'AWS_ENDPOINT_URL is not set: this half of the suite needs the local engine. Run `npm test`, which starts it, ' +
        'or set AWS_ENDPOINT_URL to one that runs (`npm start` prints its address).',
    );
  }
  return endpoint;
}

/** A DynamoDB client for the engine, the flow's unless another is asked for, and how many calls it was asked for. */
export function engineClient(make = quickDynamoClient): { client: DynamoDBClient; calls: () => number } {
  engineEndpoint();
  process.env['AWS_REGION'] ??= 'eu-west-3';
  process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';
  const client = make();
  let sent = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      sent += 1;
      return next(args);
    },
    { step: 'initialize', name: 'countCalls' },
  );
  return { client, calls: () => sent };
}

/** An index: its name with its partition and sort key. */
type Index = [name: string, partition: string, sort: string, projection: 'ALL' | 'KEYS_ONLY'];

const TABLES: Record<'ledger' | 'registry' | 'deliveries', { key: string[]; indexes: Index[] }> = {
  ledger: { key: ['key'], indexes: [['time', 'bucket', 'sequence', 'KEYS_ONLY']] },
  registry: {
    key: ['pk', 'sk'],
    indexes: REGISTRY_INDEXES.map((name): Index => [name, `${name}pk`, `${name}sk`, 'ALL']),
  },
  deliveries: {
    key: ['id'],
    indexes: [
      ['listing', 'lane', 'id', 'ALL'],
      ['due', 'dueLane', 'dueAt', 'KEYS_ONLY'],
    ],
  },
};

/** Makes a fresh table with the keys and indexes of one of the territory's; answers its name. */
export async function freshTable(client: DynamoDBClient, kind: keyof typeof TABLES): Promise<string> {
  const { key, indexes } = TABLES[kind];
  const table = `test-${kind}-${randomUUID()}`;
  const names = new Set([...key, ...indexes.flatMap(([, partition, sort]) => [partition, sort])]);
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: schemaOf(key),
      AttributeDefinitions: [...names].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      GlobalSecondaryIndexes: indexes.map(
        ([IndexName, partition, sort, ProjectionType]): GlobalSecondaryIndex => ({
          IndexName,
          KeySchema: schemaOf([partition, sort]),
          Projection: { ProjectionType },
        }),
      ),
    }),
  );
  return table;
}

const schemaOf = ([partition, sort]: string[]): { AttributeName: string; KeyType: 'HASH' | 'RANGE' }[] => [
  { AttributeName: partition ?? '', KeyType: 'HASH' },
  ...(sort === undefined ? [] : [{ AttributeName: sort, KeyType: 'RANGE' as const }]),
];
