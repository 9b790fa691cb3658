import { engineVariable, environmentOf, nameVariable, territoryVariable } from '../variables.ts';

/** What `admit` is told by its stack. */
export const environment = environmentOf({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_URL: engineVariable,
});
