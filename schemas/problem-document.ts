import * as z from 'zod';
import type { Fault, ProblemDocument } from './problem.ts';

/** One thing that is wrong, and where: `path` is a JSON Pointer (RFC 6901) into what was sent. */
export const fault: z.ZodType<Fault> = z.object({ path: z.string(), message: z.string() });

/** RFC 9457 problem details, as answered. */
export const problemDocument: z.ZodType<ProblemDocument> = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(fault).optional(),
});
