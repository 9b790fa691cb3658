import { Buffer } from 'node:buffer';
import { webhookRequest } from '../../domain/deliver/wire.ts';
import type { Sender } from '../../domain/ports.ts';
import type { HandOverTo } from '../destinations.ts';

/** Webhooks: a signed request for each parcel. */
export function webhooks({ send, timeoutMs }: { send: Sender; timeoutMs: number }): HandOverTo<'webhook'> {
  return ({ destination, parcels, signing, at }) =>
    Promise.all(
      parcels.map(async ({ delivery, event }) => {
        const request = webhookRequest(destination, event, { ...signing, id: delivery, at, timeoutMs });
        return { answer: await send(request), bytes: Buffer.byteLength(request.body) };
      }),
    );
}
