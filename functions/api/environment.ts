import {
  environmentOf,
  namesVariable,
  nameVariable,
  publicUrlVariable,
  territoryVariable,
  urlVariable,
} from '../variables.ts';

/** What `api` is told by its stack. */
export const environment = environmentOf({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_BUCKET: nameVariable,
  DELIVERIES_TABLE: nameVariable,
  DELIVERY_QUEUE_URL: urlVariable,
  DELIVERY_QUEUE_ARN: nameVariable,
  RULE_DEAD_LETTERS_ARN: nameVariable,
  ADMIT_DEAD_LETTERS_ARN: nameVariable,
  ADMIT_FUNCTION_ARN: nameVariable,
  CLOCK_FUNCTION_ARN: nameVariable,
  DELIVERY_DEAD_LETTERS_URL: urlVariable,
  RULE_DEAD_LETTERS_URL: urlVariable,
  ROUTE_DEAD_LETTERS_URL: urlVariable,
  ADMIT_DEAD_LETTERS_URL: urlVariable,
  BUS_NAMES: namesVariable,
  SEALING_KEY_PARAMETER: nameVariable,
  PULL_QUEUE_PREFIX: nameVariable,
  /** The roles of the functions that hand over, as consumers let them in. */
  DELIVER_FUNCTION_ARN: nameVariable,
  PUBLIC_URL: publicUrlVariable,
});
