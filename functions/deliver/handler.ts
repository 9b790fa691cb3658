import { randomBytes } from 'node:crypto';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { quickDynamoClient } from '../../adapters/dynamodb/client.ts';
import { dynamoDeliveries } from '../../adapters/dynamodb/deliveries.ts';
import { dynamoLedger } from '../../adapters/dynamodb/ledger.ts';
import { dynamoPassages } from '../../adapters/dynamodb/passages.ts';
import { dynamoQuotas } from '../../adapters/dynamodb/quotas.ts';
import { dynamoRecords } from '../../adapters/dynamodb/records.ts';
import { reachOf } from '../../adapters/http/address.ts';
import { webhookSender } from '../../adapters/http/sender.ts';
import { lean } from '../../adapters/lean.ts';
import { leanPayloads } from '../../adapters/s3/lean-payloads.ts';
import {
  comingAgain,
  deliveryQueue,
  type HeldMessage,
  readDeliveryMessage,
} from '../../adapters/sqs/delivery-queue.ts';
import { pullQueues } from '../../adapters/sqs/pull-queues.ts';
import { parameterSealer } from '../../adapters/ssm/sealer.ts';
import { audited, byMesh } from '../../domain/audit/audited.ts';
import { freshCache } from '../../domain/cache.ts';
import { deliver, type DeliverDeps } from '../../domain/deliver/deliver.ts';
import { endpointKeeper } from '../../domain/deliver/health.ts';
import { type Chance, heldSeconds } from '../../domain/deliver/retry.ts';
import { parkedNotice, subscriptionNotice } from '../../domain/notices.ts';
import type { HandedParcel, Sealer } from '../../domain/ports.ts';
import { standingReader } from '../../domain/deliver/standing.ts';
import { milliseconds } from '../../schemas/duration.ts';
import type { AskedHandover } from '../../schemas/handover.ts';
import { eventFunction, type EventHandler } from '../chain.ts';
import { handingOver, handOverAsked } from '../handing-over.ts';
import { reasonOf } from '../work.ts';
import { environment } from './environment.ts';

/** The delivery queue: the verdict, then the send, then the record; or what the API asks to be handed over at once. */
export const handler = eventFunction<SQSEvent | AskedHandover, SQSBatchResponse | HandedParcel[]>(
  'deliver',
  () => {
    const deps = wired(environment(process.env));
    const attempts = attempting(deps);
    return async (event, work) => {
      if (!('handOver' in event)) return attempts(event, work);
      work.did('destination.tried');
      return handOverAsked(deps.handOver, event);
    };
  },
);

const attempting =
  (deps: Wired): EventHandler<SQSEvent, SQSBatchResponse> =>
  async ({ Records }, work) => {
    const read = Records.map(({ body }) => readDeliveryMessage(body));
    const known = read.flatMap((message, index) => (message ? [{ message, index }] : []));
    const report = await deliver(
      deps,
      known.map(({ message }) => message),
    );
    work.did('deliveries.attempted');
    work.note({
      ...(report.error instanceof Error && { problem: report.error.name, because: reasonOf(report.error) }),
    });
    for (const { status } of report.records) work.count(status);
    work.count('dropped', report.dropped);
    work.count('held', report.failed.length);
    // What is no delivery message ends in the dead letters, where it can be looked at.
    const unread = Records.flatMap((record, index) => (read[index] ? [] : [record.messageId]));
    const held = report.failed.flatMap((index) => Records[known[index]?.index ?? -1] ?? []);
    await deps.comeAgain(held.map((record) => heldMessage(record, deps.chance))).catch(() => undefined);
    const failed = [...unread, ...held.map(({ messageId }) => messageId)];
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };

const heldMessage = ({ receiptHandle, attributes }: SQSRecord, chance: Chance): HeldMessage => ({
  receipt: receiptHandle,
  seconds: heldSeconds(Number(attributes.ApproximateReceiveCount), chance),
});

/** What the handler works with: `comeAgain` is of messages, which `deliver` knows nothing of. */
interface Wired extends DeliverDeps {
  comeAgain: ReturnType<typeof comingAgain>;
}

function wired(env: ReturnType<typeof environment>): Wired {
  const client = quickDynamoClient();
  const sqs = lean(SQSClient, {});
  const records = dynamoRecords({ client, table: env.REGISTRY_TABLE });
  const now = () => new Date();
  const registry = audited(records, byMesh('deliveries.attempted'), { now, random: randomBytes });
  return {
    standings: standingReader(registry, {
      maxAgeMs: milliseconds(env.TERRITORY.verdictFreshness),
      now: Date.now,
    }),
    ledger: dynamoLedger({ client, table: env.LEDGER_TABLE }),
    deliveries: dynamoDeliveries({ client, table: env.DELIVERIES_TABLE }),
    quotas: dynamoQuotas({ client, table: env.DELIVERIES_TABLE }),
    passages: dynamoPassages({ client, table: env.DELIVERIES_TABLE }),
    queue: deliveryQueue({ client: sqs, queueUrl: env.DELIVERY_QUEUE_URL }),
    comeAgain: comingAgain({ client: sqs, queueUrl: env.DELIVERY_QUEUE_URL }),
    pullQueues: pullQueues({ client: sqs, prefix: '' }),
    handOver: handingOver({
      send: webhookSender(reachOf(env.TERRITORY)),
      role: env.HANDING_ROLE,
      territory: env.TERRITORY,
    }),
    sealer: openedOnce(parameterSealer({ client: new SSMClient({}), parameter: env.SEALING_KEY_PARAMETER })),
    publicUrl: env.PUBLIC_URL,
    payloads: leanPayloads({ client, url: env.PAYLOADS_URL }),
    ...endpointKeeper({ audited: registry, quiet: records }, env.TERRITORY, {
      state: subscriptionNotice(randomBytes),
      parked: parkedNotice(randomBytes),
    }),
    chance: Math.random,
    now,
    territory: env.TERRITORY,
  };
}

/** What was opened stays open: a webhook's secret is the same for thousands of deliveries. */
const openedOnce = ({ unseal, derive }: Sealer): DeliverDeps['sealer'] => ({
  unseal: freshCache(unseal, { maxAgeMs: Number.POSITIVE_INFINITY, now: Date.now }),
  derive,
});
