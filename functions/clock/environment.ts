import {
  environmentOf,
  namesVariable,
  nameVariable,
  publicUrlVariable,
  territoryVariable,
  urlVariable,
} from '../variables.ts';

/** What `clock` is told by its stack. */
export const environment = environmentOf({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_BUCKET: nameVariable,
  DELIVERIES_TABLE: nameVariable,
  DELIVERY_QUEUE_URL: urlVariable,
  DELIVERY_QUEUE_ARN: nameVariable,
  RULE_DEAD_LETTERS_ARN: nameVariable,
  ROUTE_DEAD_LETTERS_URL: urlVariable,
  DELIVERY_DEAD_LETTERS_URL: urlVariable,
  RULE_DEAD_LETTERS_URL: urlVariable,
  ADMIT_DEAD_LETTERS_URL: urlVariable,
  ADMIT_FUNCTION_ARN: nameVariable,
  BUS_NAMES: namesVariable,
  SEALING_KEY_PARAMETER: nameVariable,
  /** The function's own role, as consumers let it in. */
  HANDING_ROLE: nameVariable,
  PUBLIC_URL: publicUrlVariable,
});
