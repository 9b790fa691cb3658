import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionName } from '../../infra/names.ts';
import { everyThird, FAULTS } from '../every-third.ts';
import { takesEverySecond } from '../receivers.ts';
import type { Call, Fault } from '../proxy.ts';
import type { Scenario } from '../scenario.ts';

/** Each call of the flow, and the functions that start anew so that they make it. */
const CALLS: Record<string, FunctionName[]> = {
  TransactWriteItems: [],
  BatchGetItem: ['publish'],
  GetItem: ['publish'],
  Query: ['publish'],
  BatchWriteItem: [],
  PutEvents: [],
  SendMessageBatch: [],
  ReceiveMessage: [],
  UpdateItem: [],
  GetParameter: ['deliver'],
};

/** What AWS itself may do to any call, each action on its own. */
export const trouble: Scenario[] = [
  ...Object.entries(CALLS).map(([action, anew]) => troubleWith(action, anew)),
  {
    name: 'trouble-rules',
    what: 'every second call on rules fails while subscriptions are made: `PutRule`, `PutTargets`, `ListRules`',
    async run(story) {
      let [calls, met] = [0, 0];
      story.world.proxy.inject(({ action }): Fault | undefined => {
        if (!['PutRule', 'PutTargets', 'ListRules'].includes(action)) return undefined;
        calls += 1;
        if (calls % 2 === 0) return undefined;
        met += 1;
        return FAULTS[met % FAULTS.length];
      });
      for (const called of ['one', 'two', 'three']) await story.subscribe(called);
      await story.publish();
      // What came before a rule was there is routed again once it has settled.
      for (let beat = 1; beat <= 8; beat += 1) await story.world.mesh.tick(beat * 30).catch(() => undefined);
      story.expect(met > 0, 'no call was met');
      story.notes.push(`${met} of ${calls} calls met a fault`);
    },
  },
  {
    name: 'partial-put-events',
    what: 'a part of each `PutEvents` fails, at first all of it, and every second report of a gap too',
    async run(story) {
      await story.subscribe('one');
      await story.subscribe('two');
      let puts = 0;
      let reports = 0;
      story.world.proxy.inject(({ action }: Call): Fault | undefined => {
        if (action === 'SendMessage')
          return ++reports % 2 === 1 ? { do: 'refuse', status: 500, error: 'InternalError' } : undefined;
        if (action !== 'PutEvents') return undefined;
        const nth = ++puts;
        return { do: 'drop-entries', drop: (index) => nth <= 30 || (index + nth) % 3 === 0 };
      });
      await story.publish();
      for (let beat = 0; beat < 12; beat += 1) {
        await story.world.mesh.tick(0);
        await sleep(500);
      }
      story.expect(puts > 30 && reports > 1, `${puts} puts, ${reports} reports of gaps`);
      story.notes.push(`${puts} calls of PutEvents answered in part, ${reports} reports of gaps`);
    },
  },
];

function troubleWith(action: string, anew: FunctionName[]): Scenario {
  return {
    name: `trouble-${action}`,
    what: `every third \`${action}\` is throttled, broken, cut off, done without an answer, or slow`,
    async run(story) {
      await story.subscribe('answers');
      // So that wake-ups are sent and the clock has work.
      await story.subscribe('answers every second time', takesEverySecond);
      const told = everyThird(story, FAULTS, [action]);
      for (const name of anew) story.world.kill(name);
      await story.publish();
      for (let beat = 0; beat < 4; beat += 1) await story.world.mesh.tick(180).catch(() => undefined);
      told();
    },
  };
}
