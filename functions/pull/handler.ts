import * as z from 'zod';
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
import { ack, extend, type PullDeps, receive } from '../../domain/pull/pull.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { Caller } from '../../schemas/participant.ts';
import { parseOrProblem, ProblemError } from '../../schemas/problem.ts';
import { httpFunction } from '../chain.ts';
import { entrant } from '../entrance.ts';
import { jsonBody } from '../json-body.ts';
import { environment } from './environment.ts';

const leases = z.array(z.string().min(1).max(4096)).min(1).max(100);
const receiveRequest = z.strictObject({
  max: z.int().min(1).max(10).default(10),
  waitSeconds: z.int().min(0).max(20).default(0),
});
const leasesRequest = z.strictObject({ leases });
const extendRequest = z.strictObject({ leases, seconds: z.int().min(0).max(43_200) });

type Action = (deps: PullDeps, caller: Caller, subscription: string, body: unknown) => Promise<object>;

const ACTIONS: Record<string, Action> = {
  receive: (deps, caller, id, body) =>
    receive(deps, caller, id, parseOrProblem(receiveRequest, body, 'The request')),
  ack: (deps, caller, id, body) =>
    ack(deps, caller, id, parseOrProblem(leasesRequest, body, 'The request').leases),
  release: (deps, caller, id, body) =>
    extend(deps, caller, id, parseOrProblem(leasesRequest, body, 'The request').leases, 0),
  extend: (deps, caller, id, body) => {
    const request = parseOrProblem(extendRequest, body, 'The request');
    return extend(deps, caller, id, request.leases, request.seconds);
  },
};

/** `POST /v1/subscriptions/{id}/messages/{action}`: a consumer fetches its events. */
export const handler = httpFunction('pull', () => {
  const env = environment(process.env);
  const deps = wired(env);
  const identify = cachedIdentify(deps, { freshnessMs: milliseconds(env.TERRITORY.verdictFreshness) });
  return async (request, work) => {
    const [, id = '', name = ''] =
      /\/v1\/subscriptions\/([^/]+)\/messages\/([^/]+)\/?$/.exec(request.path) ?? [];
    const action = ACTIONS[name];
    if (!action) throw new ProblemError('not-found', `There is no ${request.method} ${request.path}`);
    const caller = await entrant(identify, request, work, { role: 'consumer', scope: 'consume' });
    work.note({ subscription: id, action: name });
    const json = await action(deps, caller, decodeURIComponent(id), jsonBody(request) ?? {});
    work.did(`messages.${name}`);
    return { status: 200, json };
  };
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
