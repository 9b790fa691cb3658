import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { dynamoClient } from '../../adapters/dynamodb/client.ts';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoQuotas } from '../../adapters/dynamodb/quotas.ts';
import { dynamoRegistry } from '../../adapters/dynamodb/registry.ts';
import { dynamoUsage } from '../../adapters/dynamodb/usage.ts';
import { ingressBuses } from '../../adapters/eventbridge/ingress-buses.ts';
import { eventRules } from '../../adapters/eventbridge/rules.ts';
import { checkWebhookUrl, reachOf } from '../../adapters/http/address.ts';
import { webhookSender } from '../../adapters/http/sender.ts';
import { webhooks } from '../../adapters/http/webhooks.ts';
import { destinations } from '../../adapters/destinations.ts';
import { bucketPayloads } from '../../adapters/s3/payloads.ts';
import { schemaJudge } from '../../adapters/json-schema/judge.ts';
import { deliveryQueue } from '../../adapters/sqs/delivery-queue.ts';
import { handOverBy } from '../../adapters/lambda/hand-over.ts';
import { invokeAndWait, invokeForAnswer, invokeSoon } from '../../adapters/lambda/invoke.ts';
import { pullQueues } from '../../adapters/sqs/pull-queues.ts';
import { parameterSealer } from '../../adapters/ssm/sealer.ts';
import { judgeChange } from '../../domain/evolution/judge.ts';
import { identify } from '../../domain/identify.ts';
import { ownerAsker } from '../../domain/ownership/ask.ts';
import { homeOf } from '../../domain/subscriptions/destination.ts';
import { testSender } from '../../domain/subscriptions/test-event.ts';
import { milliseconds, seconds } from '../../schemas/duration.ts';
import { uploadCheck } from '../../schemas/upload.ts';
import { settingAside } from '../setting-aside.ts';
import type { environment } from './environment.ts';
import type { ApiDeps } from './route.ts';

/** What the API needs, out of AWS. */
export function wired(env: ReturnType<typeof environment>): ApiDeps {
  const { TERRITORY: territory, BUS_NAMES: buses, DELIVERY_QUEUE_ARN: queueArn } = env;
  const client = dynamoClient();
  const sqs = new SQSClient({});
  const lambda = new LambdaClient({});
  const events = new EventBridgeClient({});
  const now = () => new Date();
  const registry = dynamoRegistry({ client, table: env.REGISTRY_TABLE });
  const sealer = parameterSealer({ client: new SSMClient({}), parameter: env.SEALING_KEY_PARAMETER });
  const reach = reachOf(territory);
  const send = webhookSender(reach);
  const byDeliver = handOverBy(lambda, env.DELIVER_FUNCTION_ARN);
  const handOver = destinations({
    webhook: webhooks({ send, timeoutMs: milliseconds(territory.webhookTimeout) }),
    sqs: byDeliver,
    eventbus: byDeliver,
    s3: handOverBy(lambda, env.CLOCK_FUNCTION_ARN),
  });
  return {
    registry,
    now,
    random: randomBytes,
    territory,
    buses,
    sealer,
    keepSeconds: seconds(territory.idempotency),
    identify: (authorization) => identify({ registry, now }, authorization),
    schemas: schemaJudge(),
    judgeChange,
    payloads: bucketPayloads({
      // A request that is signed now and sent by others: a checksum of what it will hold is not known.
      client: new S3Client({ forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' }),
      bucket: env.PAYLOADS_BUCKET,
    }),
    publicUrl: env.PUBLIC_URL,
    quotas: dynamoQuotas({ client, table: env.DELIVERIES_TABLE }),
    rules: eventRules({ client: events, buses, queueArn, deadLettersArn: env.RULE_DEAD_LETTERS_ARN }),
    ingressBuses: ingressBuses({
      client: events,
      prefix: `maille-${territory.id}-in-`,
      admitArn: env.ADMIT_FUNCTION_ARN,
      deadLettersArn: env.ADMIT_DEAD_LETTERS_ARN,
    }),
    pullQueues: pullQueues({ client: sqs, prefix: env.PULL_QUEUE_PREFIX }),
    setAside: settingAside(sqs, env),
    admitAgain: (entry) => invokeAndWait(lambda, env.ADMIT_FUNCTION_ARN, entry),
    checkUpload: (upload) => invokeForAnswer(lambda, env.ADMIT_FUNCTION_ARN, { upload }, uploadCheck),
    pause: (ms) => pause(ms),
    wakeClock: () => invokeSoon(lambda, env.CLOCK_FUNCTION_ARN, {}),
    queue: deliveryQueue({ client: sqs, queueUrl: env.DELIVERY_QUEUE_URL }),
    ledger: dynamoLedger({ client, table: env.LEDGER_TABLE }),
    deliveries: dynamoDeliveries({ client, table: env.DELIVERIES_TABLE }),
    usage: dynamoUsage({ client, table: env.DELIVERIES_TABLE }),
    checkWebhookUrl: (url) => checkWebhookUrl(url, reach),
    home: homeOf(queueArn, territory),
    sendTest: testSender({ handOver, sealer, random: randomBytes, now, territory }),
    askOwner: ownerAsker({
      send,
      handOver,
      sealer,
      random: randomBytes,
      now,
      territory,
      publicUrl: env.PUBLIC_URL,
    }),
  };
}
