import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { monotonicFactory } from 'ulid';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoRecords } from '../../adapters/dynamodb/records.ts';
import { schemaJudge } from '../../adapters/json-schema/judge.ts';
import { leanPayloads } from '../../adapters/s3/lean-payloads.ts';
import type { Ledger, Records } from '../../domain/ports.ts';
import { catalogueReader } from '../../domain/publish/catalogue.ts';
import type { PublishDeps } from '../../domain/publish/publish.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Territory } from '../../schemas/territory.ts';

/** The present, where a function meets the world. */
export const now = (): Date => new Date();

/** What both doors in publish with, so that neither differs from the other. */
export function publishing(
  env: { TERRITORY: Territory; LEDGER_TABLE: string; REGISTRY_TABLE: string; PAYLOADS_URL: string },
  client: DynamoDBClient,
): PublishDeps & { registry: Records; ledger: Ledger; payloads: ReturnType<typeof leanPayloads> } {
  const registry = dynamoRecords({ client, table: env.REGISTRY_TABLE });
  const ulid = monotonicFactory();
  return {
    territory: env.TERRITORY.id,
    ledger: dynamoLedger({ client, table: env.LEDGER_TABLE }),
    now,
    nextSequence: (at) => ulid(at.getTime()),
    types: catalogueReader(registry, schemaJudge(), {
      maxAgeMs: milliseconds(env.TERRITORY.verdictFreshness),
      now: Date.now,
    }),
    payloads: leanPayloads({ client, url: env.PAYLOADS_URL }),
    registry,
  };
}
