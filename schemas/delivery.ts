import * as z from 'zod';
import { instant, opaqueId } from './ids.ts';

/** One attempt to hand a delivery over: what came back, how fast, and the first KiB of the answer. */
export const attempt = z.object({
  at: instant,
  status: z.int().optional(),
  error: z.string().optional(),
  latencyMs: z.int().nonnegative(),
  answer: z.string().max(1024).optional(),
});
export type Attempt = z.infer<typeof attempt>;

/** What the contract says of one delivery. */
export const verdictKind = z.enum(['deliver', 'redact', 'delay', 'withhold']);

/**
 * Where a delivery stands: `delivered` (2xx or acknowledged), `available` (in the pull queue), `retrying`,
 * `waiting` (for an endpoint that is spared), `delayed` (by a clause, or by the destination's concurrency), `withheld`
 * (by the verdict), `parked` (out of attempts, its subscription disabled, or not fetched in time), `gone` (the receiver
 * said 410), `erased` (the event was, before it arrived).
 */
export const deliveryStatus = z.enum([
  'delivered',
  'available',
  'retrying',
  'waiting',
  'delayed',
  'withheld',
  'parked',
  'gone',
  'erased',
]);
export type DeliveryStatus = z.infer<typeof deliveryStatus>;

/** One event on its way to one subscription. */
export const delivery = z.object({
  id: opaqueId('delivery'),
  subscription: opaqueId('subscription'),
  /** The ledger's key and sequence of the event. */
  event: z.object({
    key: z.string(),
    sequence: z.string(),
    id: z.string(),
    source: z.string(),
    type: z.string(),
  }),
  status: deliveryStatus,
  verdict: verdictKind,
  /** Which clause decided. */
  clause: z.string(),
  /** The replay that it belongs to. */
  replay: opaqueId('replay').optional(),
  attempts: z.array(attempt),
  /** How many attempts there were in all; `attempts` keeps the latest ten. */
  attemptCount: z.int().nonnegative(),
  /** The period (UTC day or month) out of whose quota it was taken, once; absent without a quota. */
  quotaPeriod: z.string().optional(),
  /** The day (UTC) on which it was counted in its contract's usage, once. */
  countedOn: z.string().optional(),
  /** When it is due again; absent when nothing is planned. */
  dueAt: instant.optional(),
  createdAt: instant,
  updatedAt: instant,
  /** When it is forgotten, in epoch seconds. */
  expires: z.int(),
});
export type Delivery = z.infer<typeof delivery>;
