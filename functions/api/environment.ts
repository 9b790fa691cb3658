import * as z from 'zod/mini';
import { nameVariable, namesVariable, publicUrlVariable, territoryVariable } from '../variables.ts';

/** What `api` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_BUCKET: nameVariable,
  DELIVERIES_TABLE: nameVariable,
  DELIVERY_QUEUE_URL: z.url(),
  DELIVERY_QUEUE_ARN: nameVariable,
  RULE_DEAD_LETTERS_ARN: nameVariable,
  ADMIT_DEAD_LETTERS_ARN: nameVariable,
  ADMIT_FUNCTION_ARN: nameVariable,
  CLOCK_FUNCTION_ARN: nameVariable,
  DELIVERY_DEAD_LETTERS_URL: z.url(),
  RULE_DEAD_LETTERS_URL: z.url(),
  ROUTE_DEAD_LETTERS_URL: z.url(),
  ADMIT_DEAD_LETTERS_URL: z.url(),
  BUS_NAMES: namesVariable,
  SEALING_KEY_PARAMETER: nameVariable,
  PULL_QUEUE_PREFIX: nameVariable,
  /** The roles of the functions that hand over, as consumers let them in. */
  DELIVER_FUNCTION_ARN: nameVariable,
  PUBLIC_URL: publicUrlVariable,
});
