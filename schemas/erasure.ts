import * as z from 'zod';
import { instant, opaqueId, readableId } from './ids.ts';

/** That an event was erased: what it was is told by its names alone. */
export const erasure = z.object({
  id: opaqueId('erasure'),
  dataset: readableId,
  /** The ledger's key and sequence of the tombstone. */
  key: z.string(),
  sequence: z.string(),
  source: z.string(),
  event: z.string(),
  type: z.string(),
  by: readableId,
  reason: z.string().optional(),
  at: instant,
  /** `open` until everyone who received it was found, twice: once at once, once after what was on its way arrived. */
  state: z.enum(['open', 'done']),
  round: z.int().min(1).max(2),
  /** Where the walk through the dataset's contracts goes on. */
  position: z.string().optional(),
  /** How many were told, and how many of them have acknowledged. */
  told: z.int().nonnegative(),
  acknowledged: z.int().nonnegative(),
});
export type Erasure = z.infer<typeof erasure>;

/** The keys of a dataset's events that were erased while copies of them may be on their way. */
export const erasedKeys = z.object({
  /** The dataset. */
  id: readableId,
  /** By key, when it was erased, in epoch seconds. */
  keys: z.record(z.string(), z.int()),
  /** Until when there were too many to be named, in epoch seconds: then the ledger is asked. */
  crowdedUntil: z.int().optional(),
});
export type ErasedKeys = z.infer<typeof erasedKeys>;
