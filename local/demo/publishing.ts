import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { CloudEvent } from '../../events/cloudevent.ts';
import type { ProblemDocument } from '../../schemas/problem.ts';
import type { MeshClient } from './mesh-client.ts';
import { Trouble } from '../say.ts';

/** What became of one event of a batch. */
export interface EventResult {
  index: number;
  id?: string;
  status: 'accepted' | 'duplicate' | 'rejected' | 'failed';
  problem?: ProblemDocument;
}

/** The local engine that the AWS SDK speaks to. */
export interface Engine {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** Publishes one event in structured mode: the event is the body. */
export const publishStructured = async (provider: MeshClient, event: CloudEvent): Promise<EventResult> =>
  (
    await provider.ask<EventResult>('POST', '/events', {
      json: event,
      headers: { 'content-type': 'application/cloudevents+json' },
    })
  ).body;

/** Publishes one event in binary mode: the attributes are headers, the data is the body. */
export async function publishBinary(provider: MeshClient, event: CloudEvent): Promise<EventResult> {
  const { data, datacontenttype = 'application/json', ...attributes } = event;
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encodeURI(String(value))]),
  );
  const parts = { json: data, headers: { ...headers, 'content-type': datacontenttype } };
  return (await provider.ask<EventResult>('POST', '/events', parts)).body;
}

/** Publishes a batch over HTTPS: each event stands for itself. */
export async function publishBatch(provider: MeshClient, events: CloudEvent[]): Promise<EventResult[]> {
  const { body } = await provider.ask<{ results: EventResult[] }>('POST', '/events', {
    json: events,
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    expect: [422],
  });
  return body.results;
}

/** The other door: the AWS SDK's `PutEvents` on the participant's own bus. */
export interface SdkDoor {
  /** Throws when EventBridge did not take all (at most ten); what the mesh then refuses is told by `/publications`. */
  put(events: CloudEvent[]): Promise<void>;
  close(): void;
}

/** Opens the SDK door of a provider: its bus is named by `GET /me`. */
export async function openSdkDoor(provider: MeshClient, engine: Engine): Promise<SdkDoor> {
  const { body } = await provider.ask<{ ingressBus?: string }>('GET', '/me');
  const bus = body.ingressBus;
  if (!bus) throw new Trouble('GET /me names no ingress bus: the SDK door cannot be shown');
  const { endpoint, region, accessKeyId, secretAccessKey } = engine;
  const client = new EventBridgeClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
  return {
    async put(events) {
      const entries = events.map((event) => ({
        EventBusName: bus,
        Source: event.source,
        DetailType: event.type,
        Detail: JSON.stringify(event),
      }));
      const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({ Entries: entries }));
      const failed = Entries?.find(({ ErrorCode }) => ErrorCode);
      if (FailedEntryCount)
        throw new Trouble(`PutEvents: ${failed?.ErrorCode}: ${failed?.ErrorMessage ?? ''}`);
    },
    close: () => client.destroy(),
  };
}
