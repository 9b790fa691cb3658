import * as z from 'zod/mini';
import {
  engineVariable,
  nameVariable,
  namesVariable,
  publicUrlVariable,
  territoryVariable,
} from '../variables.ts';

/** What `deliver` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_URL: engineVariable,
  DELIVERIES_TABLE: nameVariable,
  DELIVERY_QUEUE_URL: z.url(),
  SEALING_KEY_PARAMETER: nameVariable,
  /** The roles of the functions that hand over, as consumers let them in. */
  HANDING_ROLES: namesVariable,
  PUBLIC_URL: publicUrlVariable,
});
