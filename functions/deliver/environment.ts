import * as z from 'zod/mini';
import { engineVariable, nameVariable, publicUrlVariable, territoryVariable } from '../variables.ts';

/** What `deliver` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_URL: engineVariable,
  DELIVERIES_TABLE: nameVariable,
  DELIVERY_QUEUE_URL: z.url(),
  SEALING_KEY_PARAMETER: nameVariable,
  /** The function's own role, as consumers let it in. */
  HANDING_ROLE: nameVariable,
  PUBLIC_URL: publicUrlVariable,
});
