/** What an AWS client is made with. */
interface LeanOptions {
  cacheMiddleware: true;
}
interface Client {
  middlewareStack: { remove: (name: string) => boolean };
}

/**
 * Makes an AWS client for a function that makes few kinds of calls and many of each: its middleware is put together
 * once for each kind, and without the part that copies every input and output for a logger that nobody gave.
 */
export function lean<C extends Client, Options extends object>(
  make: new (options: Options & LeanOptions) => C,
  options: Options,
): C {
  const client = new make({ ...options, cacheMiddleware: true });
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}
