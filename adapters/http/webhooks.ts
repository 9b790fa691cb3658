import { Buffer } from 'node:buffer';
import { batchRequest, webhookRequest } from '../../domain/deliver/wire.ts';
import type { HandedParcel, Handover, Sender } from '../../domain/ports.ts';
import { toBatches } from '../batches.ts';
import { type HandOverTo } from '../destinations.ts';

/** What one request of mode `batch` may hold. */
export const BATCH_LIMITS = { items: 100, bytes: 1_000_000 };

/** Webhooks: a signed request for each parcel, or for as many as a batch holds where the consumer asked for batches. */
export function webhooks({ send, timeoutMs }: { send: Sender; timeoutMs: number }): HandOverTo<'webhook'> {
  return async ({ destination, parcels, signing, at }) => {
    if (destination.mode === 'batch')
      return batched({ send, timeoutMs }, destination, { parcels, signing, at });
    return Promise.all(
      parcels.map(async ({ delivery, event }) => {
        const request = webhookRequest(destination, event, { ...signing, id: delivery, at, timeoutMs });
        return { answer: await send(request), bytes: Buffer.byteLength(request.body) };
      }),
    );
  };
}

async function batched(
  { send, timeoutMs }: { send: Sender; timeoutMs: number },
  destination: Parameters<HandOverTo<'webhook'>>[0]['destination'],
  { parcels, signing, at }: Omit<Handover, 'destination'>,
): Promise<HandedParcel[]> {
  const lines = parcels.map(({ delivery, event }) => {
    const text = JSON.stringify({ ...event, mailledelivery: delivery });
    return { delivery, text, bytes: Buffer.byteLength(text) };
  });
  const batches = toBatches(lines, BATCH_LIMITS, ({ bytes }) => bytes + 1);
  const answers = await Promise.all(
    batches.map(async (batch) => {
      const answer = await send(batchRequest(destination, batch, { ...signing, at, timeoutMs }));
      return batch.map(({ bytes }) => ({ answer, bytes }));
    }),
  );
  return answers.flat();
}
