import {
  engineVariable,
  environmentOf,
  nameVariable,
  publicUrlVariable,
  territoryVariable,
  urlVariable,
} from '../variables.ts';

/** What `deliver` is told by its stack. */
export const environment = environmentOf({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_URL: engineVariable,
  DELIVERIES_TABLE: nameVariable,
  DELIVERY_QUEUE_URL: urlVariable,
  SEALING_KEY_PARAMETER: nameVariable,
  /** The function's own role, as consumers let it in. */
  HANDING_ROLE: nameVariable,
  PUBLIC_URL: publicUrlVariable,
});
