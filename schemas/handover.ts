import * as z from 'zod';
import type { Destination } from './subscription.ts';

/** What a function is asked to hand over in place of another one: destinations of AWS let in roles. */
export interface AskedHandover {
  handOver: {
    destination: Exclude<Destination, { kind: 'pull' | 'webhook' }>;
    parcels: { delivery: string; event: object }[];
    at: string;
  };
}

/** What came of it, parcel by parcel. */
export const handedOver = z.array(
  z.object({
    bytes: z.int().nonnegative(),
    answer: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('accepted'), receipt: z.string() }),
      z.object({ kind: z.enum(['no-answer', 'refused']), error: z.string() }),
    ]),
  }),
);
