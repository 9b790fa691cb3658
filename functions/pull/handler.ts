import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { quickDynamoClient } from '../../adapters/dynamodb/client.ts';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoQuotas } from '../../adapters/dynamodb/quotas.ts';
import { dynamoRecords } from '../../adapters/dynamodb/records.ts';
import { pullQueues } from '../../adapters/sqs/pull-queues.ts';
import { parameterSealer } from '../../adapters/ssm/sealer.ts';
import { standingReader } from '../../domain/deliver/standing.ts';
import { cachedIdentify } from '../../domain/identify.ts';
import type { PullDeps } from '../../domain/pull/pull.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { httpFunction } from '../chain.ts';
import { environment } from './environment.ts';
import { messages } from './messages.ts';

/** The door for pulling: see `messages`. */
export const handler = httpFunction('pull', () => {
  const env = environment(process.env);
  const deps = wired(env);
  const freshnessMs = milliseconds(env.TERRITORY.verdictFreshness);
  return messages(deps, cachedIdentify(deps, { freshnessMs }));
});

function wired(env: ReturnType<typeof environment>): PullDeps & Parameters<typeof cachedIdentify>[0] {
  const client = quickDynamoClient();
  const registry = dynamoRecords({ client, table: env.REGISTRY_TABLE });
  return {
    registry,
    standings: standingReader(registry, {
      maxAgeMs: milliseconds(env.TERRITORY.verdictFreshness),
      now: Date.now,
    }),
    ledger: dynamoLedger({ client, table: env.LEDGER_TABLE }),
    deliveries: dynamoDeliveries({ client, table: env.DELIVERIES_TABLE }),
    publicUrl: env.PUBLIC_URL,
    quotas: dynamoQuotas({ client, table: env.DELIVERIES_TABLE }),
    pullQueues: pullQueues({ client: new SQSClient({}), prefix: '' }),
    sealer: parameterSealer({ client: new SSMClient({}), parameter: env.SEALING_KEY_PARAMETER }),
    now: () => new Date(),
    territory: env.TERRITORY,
  };
}
