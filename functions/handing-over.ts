import { SQSClient } from '@aws-sdk/client-sqs';
import { destinations, type HandOverTo } from '../adapters/destinations.ts';
import { webhooks } from '../adapters/http/webhooks.ts';
import { onceMoreWhereClosed } from '../adapters/kept-connections.ts';
import { lean } from '../adapters/lean.ts';
import { consumerQueues } from '../adapters/sqs/consumer-queues.ts';
import type { HandedParcel, HandOver, Parcel, Sender } from '../domain/ports.ts';
import { milliseconds } from '../schemas/duration.ts';
import type { AskedHandover } from '../schemas/handover.ts';
import type { Territory } from '../schemas/territory.ts';

/** As long as the verdict before it stands: what is tried again later is judged anew. */
const CONNECT_MS = 2500;

/** Hands over to destinations of every kind; `role` is that of the function itself, as consumers let it in. */
export function handingOver(options: {
  send: Sender;
  role: string;
  territory: Pick<Territory, 'webhookTimeout'>;
  /** Writes archives, where the function does that itself. */
  archives?: HandOverTo<'s3'>;
}): HandOver {
  const timeoutMs = milliseconds(options.territory.webhookTimeout);
  const patience = { connectionTimeout: CONNECT_MS, requestTimeout: timeoutMs };
  const once = { retryStrategy: onceMoreWhereClosed, requestHandler: patience };
  return destinations({
    webhook: webhooks({ send: options.send, timeoutMs }),
    sqs: consumerQueues({
      clientOf: (region) => lean(SQSClient, { region, useQueueUrlAsEndpoint: false, ...once }),
      principals: [options.role],
    }),
    eventbus: atFirstUse(async () => {
      const [{ EventBridgeClient }, { consumerBuses }] = await Promise.all([
        import('@aws-sdk/client-eventbridge'),
        import('../adapters/eventbridge/consumer-buses.ts'),
      ]);
      return consumerBuses({
        clientOf: (region) => lean(EventBridgeClient, { region, ...once }),
        principals: [options.role],
      });
    }),
    s3: options.archives ?? (() => Promise.reject(new Error('archives are written elsewhere'))),
  });
}

/** Hands over what another function asks for: it may not, since consumers let in this one's role. */
export const handOverAsked = (
  handOver: HandOver,
  { handOver: asked }: AskedHandover,
): Promise<HandedParcel[]> =>
  handOver({
    destination: asked.destination,
    // Safe: they are made of events of the mesh's own, as this same type.
    parcels: asked.parcels as Parcel[],
    signing: { secrets: [] },
    at: new Date(asked.at),
  });

/** Few territories have such destinations: what serves them is loaded with the first one. */
function atFirstUse<K extends 'eventbus'>(load: () => Promise<HandOverTo<K>>): HandOverTo<K> {
  let loading: Promise<HandOverTo<K>> | undefined;
  return async (handover) => (await (loading ??= load()))(handover);
}
