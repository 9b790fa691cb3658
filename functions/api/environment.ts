import * as z from 'zod';
import { namesVariable, territoryVariable } from '../variables.ts';

/** What `api` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: z.string().min(1),
  REGISTRY_TABLE: z.string().min(1),
  DELIVERIES_TABLE: z.string().min(1),
  DELIVERY_QUEUE_URL: z.url(),
  DELIVERY_QUEUE_ARN: z.string().min(1),
  RULE_DEAD_LETTERS_ARN: z.string().min(1),
  ADMIT_DEAD_LETTERS_ARN: z.string().min(1),
  ADMIT_FUNCTION_ARN: z.string().min(1),
  BUS_NAMES: namesVariable,
  SEALING_KEY_PARAMETER: z.string().min(1),
  PULL_QUEUE_PREFIX: z.string().min(1),
});
