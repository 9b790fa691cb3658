import * as z from 'zod';
import { instant } from './ids.ts';

/** One thing that the mesh sent to find out whether a receiver wants events, and what came back, both in words. */
export const asking = z.object({ sent: z.string(), answer: z.string() });
export type Asking = z.infer<typeof asking>;

/** How many events a minute a receiver takes, as it said; `*` is any number. */
export const allowedRate = z.union([z.int().positive(), z.literal('*')]);
export type AllowedRate = z.infer<typeof allowedRate>;

/** Whether a receiver showed that it wants a subscription's events. */
export const ownership = z.object({
  /**
   * `none` until it is shown; `policy` where a service of AWS lets the mesh in; `not-asked` where the territory takes
   * receivers that know no handshake.
   */
  proof: z.enum(['none', 'handshake', 'callback', 'challenge', 'policy', 'not-asked']),
  /** As whom the mesh asked: each delivery carries the same (CloudEvents HTTP webhook, section 4.1.1). */
  origin: z.string(),
  since: instant,
  allowedRate: allowedRate.optional(),
  /** What was asked last. */
  asked: z.array(asking).optional(),
  /** SHA-256, hex, of the word by which the receiver may consent later. */
  consent: z.string().optional(),
  /** What was withheld meanwhile has yet to go. */
  owing: z.boolean().optional(),
});
export type Ownership = z.infer<typeof ownership>;
