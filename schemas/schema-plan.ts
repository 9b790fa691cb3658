import * as z from 'zod';
import { eventType, jsonSchema } from './dataset.ts';
import { instant, readableId } from './ids.ts';
import { fault } from './problem-document.ts';

/** A breaking change of a schema that was announced: at most one for each type. */
export const schemaPlan = z.object({
  /** `{dataset}#{type}`. */
  id: z.string(),
  dataset: readableId,
  provider: readableId,
  type: eventType,
  schema: jsonSchema,
  breaking: z.array(fault),
  status: z.enum(['planned', 'in-force', 'withdrawn']),
  /** Whether every party has been told of the present status. */
  told: z.boolean(),
  announcedAt: instant,
  effective: instant,
  /** The version that it became. */
  version: z.int().positive().optional(),
});
export type SchemaPlan = z.infer<typeof schemaPlan>;

/** The id of the plan for a type: unambiguous, since a dataset's id has no `#`. */
export const schemaPlanId = (dataset: string, type: string): string => `${dataset}#${type}`;
