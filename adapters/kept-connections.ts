/** What the SDK gives back before it tries again. */
interface Token {
  getRetryCount(): number;
  getRetryDelay(): number;
}
/** Longer, and the verdict before it would have to be made again. */
const AT_ONCE_MS = 1000;

const tokenOf = (count: number, began = Date.now()) => ({
  began,
  getRetryCount: () => count,
  getRetryDelay: () => 0,
});

/**
 * For clients that send once: once more, where a connection was closed within a second and nothing answered. The other side
 * may have closed a kept one while nothing was sent, or while the function was frozen.
 */
export const onceMoreWhereClosed = {
  acquireInitialRetryToken: () => Promise.resolve(tokenOf(0)),
  refreshRetryTokenForRetry: (last: Token, { error }: { error?: unknown }) =>
    last.getRetryCount() === 0 &&
    'began' in last &&
    Date.now() - Number(last.began) < AT_ONCE_MS &&
    wasClosed(error)
      ? Promise.resolve(tokenOf(1))
      : Promise.reject(new Error('it is not tried again')),
  recordSuccess: () => undefined,
};

// Codes of Node.
const wasClosed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
