import * as z from 'zod/mini';
import { namesVariable, territoryVariable } from '../variables.ts';

/** What `route` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  BUS_NAMES: namesVariable,
  ROUTE_DEAD_LETTERS_URL: z.url(),
});
