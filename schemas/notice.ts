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
});
export type Notice = z.infer<typeof notice>;

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
