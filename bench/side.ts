import { pathToFileURL } from 'node:url';
import { type Hot, invocation } from './invocations.ts';

/** What a side is told when it starts: which bundle it runs, as which function, with how many events an invocation. */
export interface SideTask {
  bundle: string;
  name: Hot;
  events: number;
  /** Counts what Lambda's own runtime does too: it parses the text of the invocation and writes the answer. */
  asText: boolean;
}
/** What one block cost, in microseconds of CPU of this process: all its threads, so garbage collection too. */
export interface Block {
  microseconds: number;
  events: number;
}

/** One side of a comparison, a process of its own: runs a block of invocations, one after the other, when it is told to. */
const task = JSON.parse(process.argv[2] ?? '') as SideTask;
const { handler } = (await import(pathToFileURL(task.bundle).href)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};

async function block(count: number): Promise<Block> {
  const texts = Array.from({ length: count }, () => JSON.stringify(invocation(task.name, task.events)));
  const given: unknown[] = task.asText ? texts : texts.map((text) => JSON.parse(text) as unknown);
  globalThis.gc?.();
  const before = process.cpuUsage();
  for (const one of given) {
    const event: unknown = task.asText ? JSON.parse(one as string) : one;
    const context = { awsRequestId: 'bench', functionName: 'bench', getRemainingTimeInMillis: () => 30_000 };
    const answer = await handler(event, context);
    if (task.asText) JSON.stringify(answer);
  }
  const { user, system } = process.cpuUsage(before);
  return { microseconds: user + system, events: count * task.events };
}

process.on('message', ({ invocations }: { invocations: number }) => {
  block(invocations).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.('ready');
