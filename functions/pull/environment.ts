import { environmentOf, nameVariable, publicUrlVariable, territoryVariable } from '../variables.ts';

/** What `pull` is told by its stack. */
export const environment = environmentOf({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  DELIVERIES_TABLE: nameVariable,
  SEALING_KEY_PARAMETER: nameVariable,
  PUBLIC_URL: publicUrlVariable,
});
