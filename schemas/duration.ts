const PATTERN = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Whether a text is an ISO 8601 duration of days, hours, minutes and seconds. */
export const isDuration = (text: string): boolean => PATTERN.test(text) && /\d/.test(text);

/** The length of an ISO 8601 duration in seconds; throws a `RangeError` on a text that is none. */
export function seconds(text: string): number {
  const parts = PATTERN.exec(text);
  if (!parts) throw new RangeError(`${text} is not a duration such as PT5M or P1D`);
  const [days, hours, minutes, rest] = parts.slice(1).map((part) => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (rest ?? 0);
}

/** The length of an ISO 8601 duration in milliseconds. */
export const milliseconds = (text: string): number => seconds(text) * 1000;
