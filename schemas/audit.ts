import * as z from 'zod';
import { instant, opaqueId } from './ids.ts';
import { role } from './participant.ts';

/** One thing that a transaction made, replaced or removed, and the state that it left it in. */
export const auditedChange = z.object({
  do: z.enum(['create', 'replace', 'remove']),
  noun: z.string(),
  id: z.string(),
  /** The state or status after it, where the thing has one. */
  now: z.string().optional(),
});

/**
 * Who did what, when, on what, with what outcome. Names things, never what is in them: neither secrets nor event data
 * can get in.
 */
export const auditEntry = z.object({
  id: opaqueId('audit'),
  at: instant,
  /** The UTC day of `at`, by which entries are listed. */
  day: z.string(),
  /** Who: a participant, or `mesh` where a date or a failure decided. */
  participant: z.string(),
  key: z.string().optional(),
  roles: z.array(role),
  /** What was asked for, as the logs name it. */
  action: z.string(),
  /** The thing that it was about. */
  noun: z.string(),
  subject: z.string(),
  /** `noun#subject`, by which a thing's own entries are listed. */
  about: z.string(),
  outcome: z.enum(['done', 'refused']),
  /** Why it was refused: the name of the problem. */
  problem: z.string().optional(),
  changes: z.array(auditedChange),
  /** The id of the request, as answered in `X-Request-Id`. */
  request: z.string().optional(),
});
export type AuditEntry = z.infer<typeof auditEntry>;
