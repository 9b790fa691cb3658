import * as z from 'zod';
import { isDuration } from './duration.ts';

/**
 * An ISO 8601 duration of days, hours, minutes and seconds (`P1D`, `PT5M`, `PT0.2S`). Months and years are
 * refused: their length depends on when they start.
 */
export const duration = z.string().refine(isDuration, 'must be an ISO 8601 duration such as PT5M or P1D');
