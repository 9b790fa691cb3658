import * as z from 'zod';
import { instant } from './ids.ts';

/** Work that the clock does over and over on a long list, some of it at each tick. */
export const round = z.object({
  id: z.string(),
  /** When the present round began. */
  began: instant,
  /** Where it goes on; absent when it is done. */
  cursor: z.string().optional(),
});
export type Round = z.infer<typeof round>;

/** How far a dataset's expired events have been deleted: everything accepted before. */
export const swept = z.object({
  /** The dataset. */
  id: z.string(),
  upTo: instant,
});
export type Swept = z.infer<typeof swept>;
