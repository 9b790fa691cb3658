import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SESv2Client } from '@aws-sdk/client-sesv2';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { dynamoClient } from '../../adapters/dynamodb/client.ts';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoQuotas } from '../../adapters/dynamodb/quotas.ts';
import { dynamoRegistry } from '../../adapters/dynamodb/registry.ts';
import { dynamoUsage } from '../../adapters/dynamodb/usage.ts';
import { eventBus } from '../../adapters/eventbridge/bus.ts';
import { eventRules } from '../../adapters/eventbridge/rules.ts';
import { reachOf } from '../../adapters/http/address.ts';
import { webhookSender } from '../../adapters/http/sender.ts';
import { invokeAndWait, invokeForAnswer } from '../../adapters/lambda/invoke.ts';
import { sesMailer } from '../../adapters/ses/mailer.ts';
import { deadLetters } from '../../adapters/sqs/dead-letters.ts';
import { archives } from '../../adapters/s3/archives.ts';
import { bucketPayloads } from '../../adapters/s3/payloads.ts';
import { deliveryQueue } from '../../adapters/sqs/delivery-queue.ts';
import { pullQueues } from '../../adapters/sqs/pull-queues.ts';
import { routeGaps } from '../../adapters/sqs/route-gaps.ts';
import { parameterSealer } from '../../adapters/ssm/sealer.ts';
import { audited, byMesh } from '../../domain/audit/audited.ts';
import { tick, type TickDeps } from '../../domain/clock/tick.ts';
import type { AskedHandover } from '../../schemas/handover.ts';
import { instant } from '../../schemas/ids.ts';
import { uploadCheck } from '../../schemas/upload.ts';
import { eventFunction } from '../chain.ts';
import { handingOver, handOverAsked } from '../handing-over.ts';
import { settingAside } from '../setting-aside.ts';
import { environment } from './environment.ts';

/** What the timer sends, or who calls by hand: the instant to sweep for, so that no test waits for hours. */
const request = z.looseObject({ now: instant.optional() });

/** Each minute: what is due goes again, rules settle and are reconciled, gaps are routed again; or a bucket is tried. */
export const handler = eventFunction<unknown, object>('clock', () => {
  const deps = wired(environment(process.env));
  return async (event, work) => {
    if (typeof event === 'object' && event !== null && 'handOver' in event) {
      work.did('destination.tried');
      // Safe: only the API may call this function, and asks for nothing else under this name.
      return handOverAsked(deps.handOver, event as AskedHandover);
    }
    const { now } = request.parse(event ?? {});
    const report = await tick(deps, now === undefined ? new Date() : new Date(now));
    work.did('clock.ticked');
    for (const [what, count] of Object.entries(report)) work.count(what, count);
    return report;
  };
});

function wired(env: ReturnType<typeof environment>): TickDeps {
  const client = dynamoClient();
  const sqs = new SQSClient({});
  const events = new EventBridgeClient({});
  const lambda = new LambdaClient({});
  const lists = dynamoRegistry({ client, table: env.REGISTRY_TABLE });
  const now = () => new Date();
  const send = webhookSender(reachOf(env.TERRITORY));
  const buckets = new S3Client({ forcePathStyle: true, followRegionRedirects: true });
  return {
    random: randomBytes,
    admitAgain: (entry) => invokeAndWait(lambda, env.ADMIT_FUNCTION_ARN, entry),
    checkUpload: (upload) => invokeForAnswer(lambda, env.ADMIT_FUNCTION_ARN, { upload }, uploadCheck),
    clock: now,
    chance: Math.random,
    payloads: bucketPayloads({ client: buckets, bucket: env.PAYLOADS_BUCKET }),
    pullQueues: pullQueues({ client: sqs, prefix: '' }),
    quotas: dynamoQuotas({ client, table: env.DELIVERIES_TABLE }),
    handOver: handingOver({
      send,
      role: env.HANDING_ROLE,
      territory: env.TERRITORY,
      archives: archives({ client: buckets, principals: [env.HANDING_ROLE] }),
    }),
    publicUrl: env.PUBLIC_URL,
    registry: audited(lists, byMesh('clock.ticked'), { now, random: randomBytes }),
    ledger: dynamoLedger({ client, table: env.LEDGER_TABLE }),
    deliveries: dynamoDeliveries({ client, table: env.DELIVERIES_TABLE }),
    usage: dynamoUsage({ client, table: env.DELIVERIES_TABLE }),
    queue: deliveryQueue({ client: sqs, queueUrl: env.DELIVERY_QUEUE_URL }),
    bus: eventBus({ client: events, buses: env.BUS_NAMES }),
    rules: eventRules({
      client: events,
      buses: env.BUS_NAMES,
      queueArn: env.DELIVERY_QUEUE_ARN,
      deadLettersArn: env.RULE_DEAD_LETTERS_ARN,
    }),
    send,
    mail: sesMailer({ client: new SESv2Client({}), sender: env.TERRITORY.noticeSender }),
    gaps: routeGaps({ client: sqs, queueUrl: env.ROUTE_DEAD_LETTERS_URL }),
    deadLetters: deadLetters({
      client: sqs,
      queues: [
        { url: env.DELIVERY_DEAD_LETTERS_URL, holds: 'accepted' },
        { url: env.RULE_DEAD_LETTERS_URL, holds: 'accepted' },
        { url: env.ADMIT_DEAD_LETTERS_URL, holds: 'entries' },
      ],
    }),
    setAside: settingAside(sqs, env),
    sealer: parameterSealer({ client: new SSMClient({}), parameter: env.SEALING_KEY_PARAMETER }),
    territory: env.TERRITORY,
  };
}
