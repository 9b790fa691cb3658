import * as z from 'zod';
import { eventType } from './dataset.ts';
import { instant, opaqueId, readableId } from './ids.ts';

/** `POST /subscriptions/{id}/replay`: from `from` (inclusive) to `to` (exclusive). */
export const replayRequest = z.strictObject({
  from: instant,
  to: instant,
  types: z.array(eventType).min(1).max(50).optional(),
});
export type ReplayRequest = z.infer<typeof replayRequest>;

/** History that goes again to one subscription. */
export const replay = z.object({
  id: opaqueId('replay'),
  subscription: opaqueId('subscription'),
  contract: opaqueId('contract'),
  dataset: readableId,
  provider: readableId,
  consumer: readableId,
  from: instant,
  to: instant,
  types: z.array(eventType).optional(),
  status: z.enum(['running', 'done', 'cancelled']),
  /** The last sequence that was looked at, or could be of the last instant that was; it goes on behind it. */
  reached: z.string().optional(),
  /** How many events of its contract were looked at, and how many of them went to be delivered. */
  seen: z.int().nonnegative(),
  sent: z.int().nonnegative(),
  createdAt: instant,
  updatedAt: instant,
  revision: z.int().positive(),
  /** When it is forgotten, in epoch seconds. */
  expires: z.int(),
});
export type Replay = z.infer<typeof replay>;
