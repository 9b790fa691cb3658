import * as z from 'zod';
import { territoryVariable } from '../variables.ts';

/** What `pull` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: z.string().min(1),
  REGISTRY_TABLE: z.string().min(1),
  DELIVERIES_TABLE: z.string().min(1),
  SEALING_KEY_PARAMETER: z.string().min(1),
});
