import { Buffer } from 'node:buffer';
import type { HandOver, HandoverAnswer, Parcel, Sender } from '../../domain/ports.ts';
import { destinations, type HandOverTo, type Kind } from '../destinations.ts';
import { webhooks } from '../http/webhooks.ts';

/** What destinations of AWS in memory were handed, by their names, and what they answer. */
export interface MemoryDestinations {
  handOver: HandOver;
  readonly parcels: Map<string, Parcel[]>;
  /** Takes the place of what they answer from now on. */
  answer: (destination: string, parcel: Parcel) => HandoverAnswer;
}

/** Destinations in memory; webhooks are those of a sender. */
export function memoryDestinations({ send }: { send: Sender }): MemoryDestinations {
  const kept: HandOverTo<Exclude<Kind, 'webhook'>> = async ({ destination, parcels }) => {
    const name = nameOf(destination);
    return parcels.map((parcel) => {
      const answer = memory.answer(name, parcel);
      if (answer.kind === 'accepted')
        memory.parcels.set(name, [...(memory.parcels.get(name) ?? []), structuredClone(parcel)]);
      return { answer, bytes: Buffer.byteLength(JSON.stringify(parcel.event)) };
    });
  };
  const memory: MemoryDestinations = {
    parcels: new Map(),
    answer: (_, { delivery }) => ({ kind: 'accepted', receipt: delivery }),
    handOver: destinations({
      webhook: webhooks({ send: (request) => send(request), timeoutMs: 15_000 }),
      sqs: kept,
      eventbus: kept,
      s3: kept,
    }),
  };
  return memory;
}

function nameOf(destination: Parameters<HandOverTo<Exclude<Kind, 'webhook'>>>[0]['destination']): string {
  switch (destination.kind) {
    case 'sqs':
      return destination.queueArn;
    case 'eventbus':
      return destination.busArn;
    case 's3':
      return destination.bucket;
  }
}
