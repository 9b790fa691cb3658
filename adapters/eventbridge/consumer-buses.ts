import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import { Buffer } from 'node:buffer';
import type { HandedParcel, HandoverAnswer, Parcel } from '../../domain/ports.ts';
import { partsOf } from '../../schemas/arn-parts.ts';
import { inParallel, toBatches } from '../batches.ts';
import { errorOf, type HandOverTo, notTaken } from '../destinations.ts';
import { PUT_EVENTS_LIMITS } from './bus.ts';

const REQUESTS_AT_ONCE = 4;

interface Entry {
  bytes: number;
  /** As EventBridge counts it. */
  size: number;
  request: PutEventsRequestEntry;
}

/**
 * Event buses of consumers: the CloudEvent is the detail, its type the detail-type, its source the source. `clientOf`
 * makes a client for a region; `principals` are the roles that a bus's policy must let in.
 */
export function consumerBuses(options: {
  clientOf: (region: string) => EventBridgeClient;
  principals: string[];
}): HandOverTo<'eventbus'> {
  const clients = new Map<string, EventBridgeClient>();
  const clientIn = (region: string): EventBridgeClient => {
    const client = clients.get(region) ?? options.clientOf(region);
    clients.set(region, client);
    return client;
  };

  return async ({ destination: { busArn }, parcels }) => {
    const client = clientIn(partsOf(busArn).region);
    const wanted = { principals: options.principals, action: 'events:PutEvents', resource: busArn };
    const put = async (batch: Entry[]): Promise<HandedParcel[]> => {
      const said = (answer: (index: number) => HandoverAnswer): HandedParcel[] =>
        batch.map(({ bytes }, index) => ({ answer: answer(index), bytes }));
      if ((batch[0]?.size ?? 0) > PUT_EVENTS_LIMITS.bytes)
        return said(() => ({ kind: 'refused', error: 'TooLarge: EventBridge takes entries below 1 MB' }));
      try {
        const { Entries = [] } = await client.send(
          new PutEventsCommand({ Entries: batch.map(({ request }) => request) }),
        );
        return said((index) => {
          const { EventId, ErrorCode: name = 'NoAnswer', ErrorMessage: message = '' } = Entries[index] ?? {};
          return EventId ? { kind: 'accepted', receipt: EventId } : notTaken({ name, message }, wanted);
        });
      } catch (error) {
        return said(() => notTaken(errorOf(error), wanted));
      }
    };
    const entries = parcels.map((parcel) => toEntry(parcel, busArn));
    const batches = toBatches(entries, PUT_EVENTS_LIMITS, ({ size }) => size);
    return (await inParallel(REQUESTS_AT_ONCE, batches, put)).flat();
  };
}

function toEntry({ delivery, event }: Parcel, busArn: string): Entry {
  const Detail = JSON.stringify({ ...event, mailledelivery: delivery });
  const bytes = Buffer.byteLength(Detail);
  return {
    bytes,
    size: bytes + Buffer.byteLength(event.type) + Buffer.byteLength(event.source),
    request: { EventBusName: busArn, Source: event.source, DetailType: event.type, Detail },
  };
}
