import * as z from 'zod';
import { instant, opaqueId, readableId } from './ids.ts';
import { fault } from './problem-document.ts';

/** A CloudEvent that the mesh itself states to one participant. */
export const notice = z.object({
  id: opaqueId('notice'),
  participant: readableId,
  type: z.string(),
  subject: z.string(),
  time: instant,
  data: z.record(z.string(), z.unknown()),
  /** When its participant said that it was read and acted upon. */
  acknowledgedAt: instant.optional(),
});
export type Notice = z.infer<typeof notice>;

/** `PUT /me/notices`: where a participant wants its notices pushed; what is left out is pushed no more. */
export const noticesRequest = z.strictObject({
  webhook: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  email: z.email().max(320).optional(),
});
export type NoticesRequest = z.infer<typeof noticesRequest>;

/** One way on which a participant has its notices pushed. Its id is `{participant}#{kind}`. */
export const channel = z.object({
  id: z.string(),
  participant: readableId,
  kind: z.enum(['webhook', 'email']),
  /** The URL or the e-mail address. */
  address: z.string(),
  /** The webhook's secret, sealed. */
  sealed: z.string().optional(),
  /** As whom the mesh asked a webhook whether it wants them. */
  origin: z.string().optional(),
  /** `disabled` once the receiver answered 410 or no attempt of all the waits was taken; asked for again it goes on. */
  status: z.enum(['active', 'failing', 'disabled']),
  /** Behind this id the notices begin that are still to be pushed. */
  after: z.string(),
  /** How many attempts on the next one have failed. */
  attempts: z.int().nonnegative(),
  dueAt: instant.optional(),
  error: z.string().optional(),
  createdAt: instant,
});
export type Channel = z.infer<typeof channel>;

/** What the SDK door refused: told to its publisher. */
export const publication = z.object({
  id: opaqueId('publication'),
  participant: readableId,
  status: z.literal('rejected'),
  eventId: z.string(),
  type: z.string().optional(),
  problem: z.object({ kind: z.string(), detail: z.string(), errors: z.array(fault).optional() }),
  at: instant,
  expires: z.int(),
});
export type Publication = z.infer<typeof publication>;
