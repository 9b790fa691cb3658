import { SQSClient } from '@aws-sdk/client-sqs';
import { destinations, type HandOverTo } from '../adapters/destinations.ts';
import { webhooks } from '../adapters/http/webhooks.ts';
import { lean } from '../adapters/lean.ts';
import { consumerQueues } from '../adapters/sqs/consumer-queues.ts';
import type { HandOver, Sender } from '../domain/ports.ts';
import { milliseconds } from '../schemas/duration.ts';
import type { Territory } from '../schemas/territory.ts';

/** As long as the verdict before it stands: what is tried again later is judged anew. */
const CONNECT_MS = 2500;

/** Hands over to destinations of every kind; `roles` are those of the functions that do, as consumers let them in. */
export function handingOver(options: {
  send: Sender;
  roles: string[];
  territory: Pick<Territory, 'webhookTimeout'>;
  /** Writes archives, where the function does that itself. */
  archives?: HandOverTo<'s3'>;
}): HandOver {
  const timeoutMs = milliseconds(options.territory.webhookTimeout);
  const patience = { connectionTimeout: CONNECT_MS, requestTimeout: timeoutMs };
  const once = { maxAttempts: 1, requestHandler: patience };
  return destinations({
    webhook: webhooks({ send: options.send, timeoutMs }),
    sqs: consumerQueues({
      clientOf: (region) => lean(SQSClient, { region, useQueueUrlAsEndpoint: false, ...once }),
      principals: options.roles,
    }),
    eventbus: atFirstUse(async () => {
      const [{ EventBridgeClient }, { consumerBuses }] = await Promise.all([
        import('@aws-sdk/client-eventbridge'),
        import('../adapters/eventbridge/consumer-buses.ts'),
      ]);
      return consumerBuses({
        clientOf: (region) => lean(EventBridgeClient, { region, ...once }),
        principals: options.roles,
      });
    }),
    s3: options.archives ?? (() => Promise.reject(new Error('archives are written elsewhere'))),
  });
}

/** Few territories have such destinations: what serves them is loaded with the first one. */
function atFirstUse<K extends 'eventbus'>(load: () => Promise<HandOverTo<K>>): HandOverTo<K> {
  let loading: Promise<HandOverTo<K>> | undefined;
  return async (handover) => (await (loading ??= load()))(handover);
}
