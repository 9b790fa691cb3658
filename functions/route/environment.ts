import { environmentOf, namesVariable, territoryVariable, urlVariable } from '../variables.ts';

/** What `route` is told by its stack. */
export const environment = environmentOf({
  TERRITORY: territoryVariable,
  BUS_NAMES: namesVariable,
  ROUTE_DEAD_LETTERS_URL: urlVariable,
});
