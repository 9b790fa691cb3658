import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour } from '../receivers.ts';
import type { Scenario } from '../scenario.ts';
import type { Story } from '../story.ts';

/** The test territory gives a receiver 3 s. */
const LATE_MS = 3600;
const SLOW_MS = 1500;
const LARGE = Buffer.alloc(10_000_000, 'x');

/** How receivers misbehave, and whether the mesh is right to call that delivered. */
const WAYS: Record<string, { delivered: boolean; behave: Behaviour }> = {
  'answers slowly': {
    delivered: true,
    behave: async (response) => {
      await sleep(SLOW_MS);
      response.writeHead(200).end();
      return true;
    },
  },
  'answers 10 MB': {
    delivered: true,
    behave: (response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(LARGE);
      return true;
    },
  },
  'answers 200 and half a body': {
    delivered: true,
    behave: (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('half');
      setTimeout(() => response.destroy(), 50);
      return true;
    },
  },
  'resets the connection': {
    delivered: false,
    behave: (response) => {
      response.destroy();
      return false;
    },
  },
  'answers 200 after the timeout': {
    delivered: false,
    behave: async (response) => {
      await sleep(LATE_MS);
      response.writeHead(200).end();
      return false;
    },
  },
};

/** Receivers that do not do what they should. */
export const receivers: Scenario[] = [
  {
    name: 'receivers',
    what: 'receivers that answer slowly, in part, too late, with 10 MB or a redirect, or reset the connection',
    async run(story) {
      const elsewhere = story.world.receivers.open();
      for (const [called, { behave }] of Object.entries(WAYS)) await story.subscribe(called, behave);
      await story.subscribe('answers well');
      await story.subscribe('redirects', (response) => {
        response.writeHead(307, { location: elsewhere.url }).end();
        return false;
      });
      // Each attempt at one that is late takes 3 s of a function: few, so that the whole takes a minute.
      await story.publish(Math.min(story.events, 20));
      await settled(story);
      story.expect(elsewhere.requests === 0, 'a redirect was followed');
      for (const { called, inbox } of story.subscribed) {
        const meant = WAYS[called]?.delivered ?? called === 'answers well';
        story.expect(inbox.taken.size > 0 === meant, `what ${called} is not treated as it should be`);
      }
    },
  },
];

/** Eight attempts, and the waits between them. */
const settled = async (story: Story): Promise<void> => {
  const late = story.subscribed.find(({ called }) => called === 'answers 200 after the timeout');
  const attempts = 8 * story.sent.size;
  for (const until = Date.now() + 120_000; Date.now() < until; await sleep(1000))
    if ((late?.inbox.requests ?? 0) >= attempts) return;
};
