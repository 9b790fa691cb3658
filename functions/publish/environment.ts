import * as z from 'zod/mini';
import { engineVariable, nameVariable, territoryVariable } from '../variables.ts';

/** What `publish` is told by its stack. */
export const environment = z.object({
  TERRITORY: territoryVariable,
  LEDGER_TABLE: nameVariable,
  REGISTRY_TABLE: nameVariable,
  PAYLOADS_URL: engineVariable,
});
