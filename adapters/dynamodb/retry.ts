import { setTimeout as sleep } from 'node:timers/promises';

/** How often something is tried before its caller is told that it failed. */
export const TRIES = 5;

/** Waits before try number `tried` (1 is the second): exponential with full jitter, at most 1.6 s. */
export async function backoff(tried: number): Promise<void> {
  await sleep(Math.random() * Math.min(1_600, 50 * 2 ** tried));
}

const TRANSIENT = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'InternalServerError',
  'ServiceUnavailable',
  'TransactionInProgressException',
  'TransactionConflictException',
  'ReplicatedWriteConflictException',
  'LimitExceededException',
  'TimeoutError',
]);

/** Whether the same call may succeed a moment later: throttles, conflicts, faults of the service or of the network. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (TRANSIENT.has(error.name)) return true;
  // The SDK marks faults of the service; Node marks those of a socket with a code.
  const { $fault, code } = error as { $fault?: unknown; code?: unknown };
  return (
    $fault === 'server' ||
    (typeof code === 'string' && /^(?:ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND)/.test(code))
  );
}

const TRANSIENT_REASONS = new Set([
  'None',
  'ConditionalCheckFailed',
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);

/** Whether a cancelled transaction may be sent again: none of its reasons is a mistake in the request. */
export const maySendAgain = (reasons: { Code?: string | undefined }[]): boolean =>
  reasons.every(({ Code }) => TRANSIENT_REASONS.has(Code ?? 'None'));
