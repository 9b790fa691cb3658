import * as z from 'zod';
import { territory } from '../schemas/territory.ts';

/** The whole territory, given to each function as JSON, so that none has a configuration of its own. */
export const territoryVariable = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' });
      return z.NEVER;
    }
  })
  .pipe(territory);

/** Names separated by commas; at least one. */
export const namesVariable = z
  .string()
  .min(1)
  .transform((text) => text.split(','));
