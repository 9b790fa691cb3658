import { refsOf } from '../clock/release.ts';
import type {
  DeliveryMessage,
  DeliveryQueue,
  Page,
  PageRequest,
  Registry,
  SetAside,
  SetAsideLetter,
  SetAsideQueue,
} from '../ports.ts';
import { pageOfWhole } from '../whole-list.ts';

/** What lies in a dead-letter queue, and what that means to people. */
export interface SetAsideView {
  queue: SetAsideQueue;
  /** About so many: SQS counts over several servers. */
  count: number;
  means: string;
}

/** What a redrive did; `more` says to call again. */
export interface Redriven {
  queue: SetAsideQueue;
  redriven: number;
  /** Could not be read, and so stay where they are. */
  unreadable: number;
  more: boolean;
}

/** What looking after dead letters needs of the world. */
export interface RedriveDeps {
  registry: Pick<Registry, 'read'>;
  setAside: SetAside;
  queue: DeliveryQueue;
  /** Admits an entry of an ingress bus as if it came now; throws unless that was done. */
  admitAgain: (entry: Extract<SetAsideLetter, { kind: 'entry' }>['entry']) => Promise<void>;
  /** Has the clock beat now, which routes what `route` set aside. */
  wakeClock: () => Promise<void>;
}

/** The most letters that one call sends on their way, so that it ends before its caller gives up. */
const MOST = 200;

const MEANINGS: Record<SetAsideQueue, string> = {
  'delivery-dead': 'Deliveries that the mesh itself failed on ten times: their consumers do not have them.',
  'rule-dead':
    'Events that EventBridge could not hand to the delivery queue: a subscription has missed them.',
  'route-dead':
    'Accepted events that have not reached the shared bus; the clock routes them again each minute.',
  'admit-dead':
    'Entries of ingress buses that were neither accepted nor refused: their publishers do not know.',
};

/** The names of the dead-letter queues. */
export const SET_ASIDE = Object.keys(MEANINGS) as [SetAsideQueue, ...SetAsideQueue[]];

/** The dead-letter queues, each with what lies there. */
export async function listSetAside(
  { setAside }: Pick<RedriveDeps, 'setAside'>,
  page: PageRequest,
): Promise<Page<SetAsideView>> {
  const { items, next } = pageOfWhole(SET_ASIDE, page);
  const views = items.map(async (queue) => {
    return { queue, count: await setAside.count(queue), means: MEANINGS[queue] };
  });
  return { items: await Promise.all(views), next };
}

/**
 * Sends dead letters the way that they were on, a bounded portion of them. Each leaves its queue only once it is on its
 * way: what is interrupted goes twice, which derived ids make harmless, and never gets lost.
 */
export const redrive = (deps: RedriveDeps, queue: SetAsideQueue): Promise<Redriven> =>
  queue === 'route-dead' ? byTheClock(deps, queue) : inPortions(deps, queue);

async function byTheClock(deps: RedriveDeps, queue: SetAsideQueue): Promise<Redriven> {
  const count = await deps.setAside.count(queue);
  await deps.wakeClock();
  return { queue, redriven: count, unreadable: 0, more: false };
}

async function inPortions(deps: RedriveDeps, queue: SetAsideQueue): Promise<Redriven> {
  let [redriven, unreadable] = [0, 0];
  for (;;) {
    const letters = await deps.setAside.take(queue);
    for (const { letter, lease } of letters) {
      if (!(await sendOn(deps, letter))) unreadable += 1;
      else {
        await deps.setAside.remove(queue, lease);
        redriven += 1;
      }
    }
    const more = redriven + unreadable >= MOST;
    if (letters.length === 0 || more) return { queue, redriven, unreadable, more };
  }
}

/** Answers whether it is known what to do with it. */
async function sendOn(deps: RedriveDeps, letter: SetAsideLetter): Promise<boolean> {
  if (letter.kind === 'unreadable') return false;
  if (letter.kind === 'entry') {
    await deps.admitAgain(letter.entry);
    return true;
  }
  const message = await messageOf(deps, letter);
  if (message) await deps.queue.send([{ message, delaySeconds: 0 }]);
  return true;
}

/** What `deliver` is woken with for a letter; undefined where its subscription is gone, and misses nothing. */
export async function messageOf(
  { registry }: { registry: Pick<Registry, 'read'> },
  letter: Extract<SetAsideLetter, { kind: 'delivery' | 'matched' }>,
): Promise<DeliveryMessage | undefined> {
  if (letter.kind === 'delivery') return letter.message;
  const subscription = await registry.read('subscription', letter.subscription);
  return subscription && { subscription: refsOf(subscription), event: letter.event };
}
