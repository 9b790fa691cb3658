/** Whether `expires` (epoch seconds) lies behind: such a thing may still be stored, but counts as gone. */
export const isPast = (expires: number | undefined, now: Date): boolean =>
  expires !== undefined && expires * 1000 <= now.getTime();
