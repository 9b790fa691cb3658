import type { Call, Fault } from './proxy.ts';
import type { Story } from './story.ts';

/** In turn, at every third call: throttled, broken, cut off, done with its answer lost, slow. */
export const FAULTS: Fault[] = [
  { do: 'refuse', status: 400, error: 'ProvisionedThroughputExceededException' },
  { do: 'refuse', status: 500, error: 'InternalServerError' },
  { do: 'reset' },
  { do: 'lose-answer' },
  { do: 'refuse', status: 400, error: 'ThrottlingException' },
  { do: 'delay', ms: 1500 },
];
const EVERY = 3;

/** Lets every third of these calls meet a fault, each action on its own; answers what tells how many did. */
export function everyThird({ world, expect, notes }: Story, faults: Fault[], actions: string[]): () => void {
  const calls = new Map<string, number>();
  let met = 0;
  world.proxy.inject(({ action }: Call): Fault | undefined => {
    if (!actions.includes(action)) return undefined;
    const count = (calls.get(action) ?? 0) + 1;
    calls.set(action, count);
    if (count % EVERY !== 1) return undefined;
    met += 1;
    return faults[met % faults.length];
  });
  return () => {
    expect(met > 0, 'no call was met');
    const each = [...calls].map(([action, count]) => `${count} ${action}`).join(', ');
    notes.push(`${met} calls met a fault, of ${each}`);
  };
}
