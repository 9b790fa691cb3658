import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, Fault } from '../proxy.ts';
import { takesAll } from '../receivers.ts';
import type { Scenario } from '../scenario.ts';
import type { Story } from '../story.ts';

/** How often a function is killed in one scenario. */
const KILLS = 6;

/** Functions that die, or are stopped, with work in their hands. */
export const crashes: Scenario[] = [
  {
    name: 'crash-route',
    what: 'SIGKILL of `route` between ledger and bus: half of the times before `PutEvents`, half after it',
    run: (story) => killedAt(story, 'route', 'PutEvents', 5),
  },
  {
    name: 'crash-deliver',
    what: 'SIGKILL of `deliver` in mid-batch, the webhooks sent: before and after the records are written',
    run: (story) => killedAt(story, 'deliver', 'BatchWriteItem', 3),
  },
  {
    name: 'crash-publish',
    what: 'SIGKILL of `publish` before and after the transaction on the ledger',
    run: (story) => killedAt(story, 'publish', 'TransactWriteItems', 2),
  },
  {
    name: 'timeout-deliver',
    what: '`deliver` runs out of time (2 s) in mid-batch, since one receiver hangs for 10 s',
    async run(story) {
      const { world } = story;
      let hanging = true;
      await story.subscribe('answers at once');
      await story.subscribe('hangs', async (response, nth) => {
        if (hanging) await sleep(10_000);
        return takesAll(response, nth);
      });
      await world.configure('deliver', { timeout: 2 });
      await story.publish();
      await sleep(8000);
      hanging = false;
      await world.configure('deliver', { timeout: 21 });
    },
  },
];

/** Kills the function at each `every`th call of an action, in turn before the engine sees it and after. */
async function killedAt(
  story: Story,
  name: 'route' | 'deliver' | 'publish',
  action: string,
  every: number,
): Promise<void> {
  const { world } = story;
  await story.subscribe('one');
  await story.subscribe('two');
  let calls = 0;
  let kills = 0;
  world.proxy.inject((call: Call): Fault | undefined => {
    if (call.action !== action || kills >= KILLS) return undefined;
    calls += 1;
    if (calls % every !== 0) return undefined;
    kills += 1;
    world.kill(name);
    return kills % 2 === 0 ? { do: 'lose-answer' } : { do: 'reset' };
  });
  await story.publish();
  for (const until = Date.now() + 20_000; kills < KILLS && Date.now() < until;) await sleep(200);
  story.expect(kills >= 2, `it was killed only ${kills} times`);
  story.notes.push(`killed ${kills} times`);
}
