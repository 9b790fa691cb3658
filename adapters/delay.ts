const LONGEST_DELAY_SECONDS = 900;

/** Throws unless a queue can hold a message back so long: whole seconds, 0 to 900. */
export function checkDelay(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= LONGEST_DELAY_SECONDS) return;
  throw new RangeError(`A delay of ${seconds} s is not a whole number from 0 to ${LONGEST_DELAY_SECONDS}`);
}
