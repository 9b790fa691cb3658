import {
  PutEventsCommand,
  type EventBridgeClient,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import { Buffer } from 'node:buffer';
import type { Bus, RoutedEvent } from '../../domain/ports.ts';
import { BUS_SOURCE } from '../../events/bus.ts';
import { inParallel, toBatches } from '../batches.ts';

/**
 * What one PutEvents request may hold: 10 entries, and less than 1 MB of them in all (API reference of PutEvents;
 * 256 KB until January 2026). Read as 10^6, the smaller of its two readings.
 */
export const PUT_EVENTS_LIMITS = { items: 10, bytes: 999_999 };

const REQUESTS_AT_ONCE = 4;

interface Entry {
  index: number;
  bytes: number;
  request: PutEventsRequestEntry;
}

/** Why an entry was not taken: for the log, without anything of the event. */
export type PutFailure = (failure: { index: number; bus: string; code: string; message: string }) => void;

/** The shared buses on EventBridge. `onFailure` hears why an event was not taken. */
export function eventBus(options: {
  client: EventBridgeClient;
  buses: string[];
  onFailure?: PutFailure;
}): Bus {
  const { client, buses, onFailure } = options;

  const failed = (entry: Entry, code: string, message: string): number => {
    onFailure?.({ index: entry.index, bus: entry.request.EventBusName ?? '', code, message });
    return entry.index;
  };

  const putBatch = async (batch: Entry[]): Promise<number[]> => {
    const [first] = batch;
    if (first && first.bytes > PUT_EVENTS_LIMITS.bytes) {
      return [failed(first, 'TooLarge', `${first.bytes} bytes are more than PutEvents takes`)];
    }
    try {
      const answer = await client.send(
        new PutEventsCommand({ Entries: batch.map(({ request }) => request) }),
      );
      return batch.flatMap((entry, at) => {
        const result = answer.Entries?.[at];
        // Not proven taken means failed: an answer that misses an entry proves nothing of it.
        return result?.EventId
          ? []
          : [failed(entry, result?.ErrorCode ?? 'NoAnswer', result?.ErrorMessage ?? '')];
      });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      return batch.map((entry) => failed(entry, name, message));
    }
  };

  return {
    async put(events) {
      const entries = buses.flatMap((bus) => events.map((event, index) => toEntry(event, index, bus)));
      const batches = toBatches(entries, PUT_EVENTS_LIMITS, ({ bytes }) => bytes);
      const failures = await inParallel(REQUESTS_AT_ONCE, batches, putBatch);
      return [...new Set(failures.flat())].sort((a, b) => a - b);
    },
  };
}

function toEntry(routed: RoutedEvent, index: number, bus: string): Entry {
  const detail = JSON.stringify(routed);
  const request = { Source: BUS_SOURCE, DetailType: routed.event.type, Detail: detail, EventBusName: bus };
  // As AWS counts an entry: source, detail-type and detail in UTF-8; the bus name is free.
  const bytes = BUS_SOURCE.length + Buffer.byteLength(routed.event.type) + Buffer.byteLength(detail);
  return { index, bytes, request };
}
