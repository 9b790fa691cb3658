import * as z from 'zod';
import { ID_PREFIXES, type IdPrefix } from './id-prefixes.ts';

/** An id that a person picks (participants, datasets): 2 to 63 of `a-z`, `0-9` and `-`. */
export const readableId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/, 'must be 2 to 63 of a-z, 0-9 and -, without - at either end');

/** The schema of an opaque id of one noun. */
export const opaqueId = (noun: IdPrefix): z.ZodString =>
  z
    .string()
    .regex(
      new RegExp(`^${ID_PREFIXES[noun]}[0-9A-Z]{26}$`),
      `must be an id such as ${ID_PREFIXES[noun]}01J…`,
    );

/** An instant: RFC 3339, with any offset where somebody else wrote it. */
export const instant = z.iso.datetime({ offset: true });

/** An instant that is kept and answered as it came, but in UTC with milliseconds, as every answer of the mesh has it. */
export const keptInstant = instant
  .transform((text) => new Date(text).toISOString())
  // Beyond the year 9999 an offset leads out of what RFC 3339 can write.
  .pipe(z.iso.datetime());
