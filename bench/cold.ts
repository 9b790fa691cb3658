import { pathToFileURL } from 'node:url';

/**
 * A process that starts one bundle cold: loads the module, invokes it once and tells how many milliseconds of CPU both
 * took, and how many on the clock.
 * It imports nothing else, so that nothing is warm.
 */
const [, , bundle = '', invocation = ''] = process.argv;
const event: unknown = JSON.parse(invocation);
const context = { awsRequestId: 'bench', functionName: 'bench', getRemainingTimeInMillis: () => 30_000 };
const begun = performance.now();
const before = process.cpuUsage();
const { handler } = (await import(pathToFileURL(bundle).href)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};
await handler(event, context);
const { user, system } = process.cpuUsage(before);
process.send?.({ cpuMs: (user + system) / 1000, clockMs: performance.now() - begun });
process.on('disconnect', () => process.exit());
