import * as z from 'zod';
import { opaqueId } from './ids.ts';

/** A day in UTC, `2026-03-04`. */
export const day = z.iso.date();
/** A calendar month in UTC, `2026-03`. */
export const month = z.string().regex(/^\d{4}-(?:0[1-9]|1[0-2])$/, 'must be a month such as 2026-03');

/** What a contract gave: events and bytes handed over, and what they cost in millionths of its currency's unit. */
export const figures = z.object({
  events: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  /** Of prices per event only; whole numbers, so that sums are exact. */
  charge: z.int().nonnegative(),
});
export type Figures = z.infer<typeof figures>;

/** Figures of one day. */
export type DayFigures = Figures & { day: string };

/** What one batch of deliveries added to the figures of a contract's day; written once, then folded into the day's total. */
export const tally = figures.extend({
  id: z.string().regex(/^tly_[\w-]{43}$/),
  contract: opaqueId('contract'),
  day,
  /** Epoch milliseconds of its writing. */
  at: z.int(),
});
export type Tally = z.infer<typeof tally>;

/** One period of a contract's quota: at most `limit` events until `ends`. */
export interface QuotaPeriod {
  contract: string;
  /** `2026-03-04` or `2026-03`. */
  period: string;
  limit: number;
  ends: Date;
}
