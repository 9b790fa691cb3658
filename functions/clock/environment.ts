import * as z from 'zod';
import { namesVariable, territoryVariable } from '../variables.ts';

/** What `clock` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: z.string().min(1),
  REGISTRY_TABLE: z.string().min(1),
  DELIVERIES_TABLE: z.string().min(1),
  DELIVERY_QUEUE_URL: z.url(),
  DELIVERY_QUEUE_ARN: z.string().min(1),
  RULE_DEAD_LETTERS_ARN: z.string().min(1),
  ROUTE_DEAD_LETTERS_URL: z.url(),
  BUS_NAMES: namesVariable,
});
