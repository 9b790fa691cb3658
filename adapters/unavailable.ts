import { isServerError, isThrottlingError, isTransientError } from '@smithy/core/retry';

/** What the SDK judges: an error with what its answer said, where there was one. */
type Failure = Parameters<typeof isTransientError>[0];

/**
 * Whether an error says that AWS did not answer, was asked too often, or failed: it may go well the next time, and
 * nothing that the caller sent is to blame. The SDK's own judgement, by which it tries again.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Safe: what it looks for beyond an error's own may be missing.
  const failure = error as Failure;
  return isTransientError(failure) || isThrottlingError(failure) || isServerError(failure);
}
