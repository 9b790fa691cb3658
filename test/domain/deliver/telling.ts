import { decodeTime } from 'ulid';
import { tick } from '../../../domain/clock/tick.ts';
import { wants } from '../../../domain/clock/settle.ts';
import { deliver } from '../../../domain/deliver/deliver.ts';
import { deliveryId } from '../../../domain/deliver/identity.ts';
import type { DeliveryMessage, LedgerEntry, RoutedEvent } from '../../../domain/ports.ts';
import { catalogueReader } from '../../../domain/publish/catalogue.ts';
import { publish } from '../../../domain/publish/publish.ts';
import { ack, receive } from '../../../domain/pull/pull.ts';
import { route, routed } from '../../../domain/route.ts';
import { patchSubscription } from '../../../domain/subscriptions/change.ts';
import { recover } from '../../../domain/subscriptions/deliveries.ts';
import { putRule } from '../../../domain/subscriptions/rules.ts';
import { subscribe } from '../../../domain/subscriptions/subscribe.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { flowInMemory, letIn } from './flow.ts';
import type { Command, Fault } from './story.ts';

const app = given.caller('app');
/** A rule begins to match so long after it was put: less than it is given to settle. */
const RULE_LAG_MS = 60_000;
/** How old what a verdict rests on may be, and how long its request may be in the making. */
const LATEST_MS = 2500;
const FINAL = ['delivered', 'parked', 'withheld', 'gone', 'available'];

/** Endpoints are spared soon, and their circuits seen through in a story's time. */
const DECLARES = { circuitFailures: 2 };

type Flow = ReturnType<typeof flowInMemory>;

/** A mesh that a story has been told to, and what can be asked of it then: each answers what should not be. */
export interface Told {
  /** Waits, with all in order again, until nothing is under way. */
  endsWell: () => Promise<void>;
  /** Accepted and matched, and neither recorded as decided, nor due, nor on its way. */
  lost: () => Promise<string[]>;
  /** Accepted and matched, and without a decision on record. */
  undecided: () => Promise<string[]>;
  /** Sent after the contract had stopped. */
  late: () => Promise<string[]>;
  /** Sent under several ids. */
  renamed: () => string[];
  /** Sent to a subscription that does not match. */
  foreign: () => Promise<string[]>;
}

/** Tells a story to a mesh in memory: each command to its end, or to where its process breaks. */
export async function tell(story: Command[]): Promise<Told> {
  const breaking = faults();
  const flow = flowInMemory({
    breaks: breaking.breaks,
    ruleLagMs: RULE_LAG_MS,
    refuses: breaking.refuses,
    declares: DECLARES,
  });
  await settledSubscriptions(flow);
  const world: World = {
    flow,
    breaking,
    entries: await ledgerOf(flow),
    sends: sendsOf(flow),
    seen: [],
    stopped: new Map(),
    publishes: publisherOf(flow),
  };
  for (const command of story) {
    breaking.at('fault' in command ? command.fault : undefined);
    await (isControl(command) ? decide(world, command) : move(world, command)).catch(() => undefined);
    breaking.at(undefined);
    await world.entries.look();
  }
  return { endsWell: () => endWell(world), ...asking(world) };
}

interface World {
  flow: Flow;
  breaking: ReturnType<typeof faults>;
  entries: Awaited<ReturnType<typeof ledgerOf>>;
  sends: ReturnType<typeof sendsOf>;
  /** What was ever taken from the queue. */
  seen: DeliveryMessage[];
  /** When contracts were terminated. */
  stopped: Map<string, number>;
  publishes: (co2: number[]) => Promise<unknown>;
}

type Control = Extract<
  Command,
  { do: 'outage' | 'terminate' | 'pause' | 'resume' | 'recover' | 'subscribe' | 'answer' | 'wait' }
>;
const CONTROLS: string[] = [
  'outage',
  'terminate',
  'pause',
  'resume',
  'recover',
  'subscribe',
  'answer',
  'wait',
];
const isControl = (command: Command): command is Control => CONTROLS.includes(command.do);

const subscriptionsOf = async ({ flow }: Pick<World, 'flow'>): Promise<Subscription[]> =>
  (await flow.registry.list('subscriptions', {}, { limit: 200 })).items;

async function decide(world: World, command: Control): Promise<unknown> {
  const { flow } = world;
  if (command.do === 'answer') return world.sends.answer(command.status, command.slowMs);
  if (command.do === 'outage') return world.breaking.outage(command.on);
  if (command.do === 'wait') return flow.later(command.seconds * 1000);
  if (command.do === 'subscribe') {
    const contract = await flow.agrees();
    const destination = { ...WEBHOOK, url: `${WEBHOOK.url}/${contract.id}` };
    const filter = command.co2 && { data: { co2: [{ numeric: ['>', command.co2] }] } };
    return subscribe(flow, app, { contract: contract.id, destination, ...(filter && { filter }) });
  }
  const all = await subscriptionsOf(world);
  const { id, contract } = all[command.which % all.length] as Subscription;
  if (command.do === 'recover') return recover(flow, app, id, '2000-01-01T00:00:00Z');
  if (command.do !== 'terminate') return patchSubscription(flow, app, id, { paused: command.do === 'pause' });
  if (!world.stopped.has(contract)) world.stopped.set(contract, flow.now().getTime());
  await flow.changes('contract', contract, { state: 'terminated' });
  return flow.later(command.seconds * 1000);
}

async function move(world: World, command: Exclude<Command, Control>): Promise<unknown> {
  const { flow, seen } = world;
  switch (command.do) {
    case 'publish':
      return world.publishes(command.co2);
    case 'deliver':
      await world.publishes(command.co2);
      await world.breaking.quietly(world.entries.look);
      await stream(world);
      return work(world);
    case 'route':
      return stream(world);
    case 'work':
      return work(world);
    case 'tick':
      return tick(flow, flow.now());
    case 'pull':
      return pull(world, command.ack);
    case 'repeat': {
      const message = seen[command.which % seen.length];
      return flow.queue.send(message ? [{ message, delaySeconds: 0 }] : []);
    }
  }
}

/** The ledger's stream: a batch leaves it only when all of it was routed or kept as a gap. */
async function stream({ flow, entries }: World): Promise<void> {
  const batch = entries.stream.slice(0, 5);
  await route({ bus: flow.bus, gaps: flow.gaps, pause: async () => undefined }, batch.map(routed));
  entries.stream.splice(0, batch.length);
}

/** Everything visible on the queue, in batches; what fails or crashes is visible again. */
async function work({ flow, breaking, seen }: World): Promise<void> {
  const messages = flow.queue.take();
  seen.push(...messages);
  while (messages.length > 0) {
    const batch = messages.splice(0, 10);
    const failed = await deliver(flow.deps, batch).then(
      (report) => report.failed.flatMap((index) => batch[index] ?? []),
      () => batch,
    );
    await breaking.quietly(() => flow.queue.send(failed.map((message) => ({ message, delaySeconds: 0 }))));
  }
}

async function pull(world: World, acks: boolean): Promise<void> {
  const { flow } = world;
  const [subscription] = (await subscriptionsOf(world)).filter(({ pullQueue }) => pullQueue !== undefined);
  if (!subscription) return;
  const deps = { ...flow, sealer: flow.deps.sealer };
  const { messages } = await receive(deps, app, subscription.id, { max: 10, waitSeconds: 0 }, letIn);
  const leases = messages.map(({ lease }) => lease);
  if (acks) await ack(deps, app, subscription.id, leases);
}

async function endWell(world: World): Promise<void> {
  const { flow, sends, entries, breaking } = world;
  sends.answer(204, 0);
  breaking.outage(false);
  for (const seconds of [0, 0, 130, 130, 310, 1900, 7300, 18_000, 36_000, 36_000, 36_000, 200, 200]) {
    flow.later(seconds * 1000);
    while (entries.stream.length > 0) await stream(world);
    await tick(flow, flow.now());
    await work(world);
    // A rule that was only just put must not be taken for settled.
    if (seconds === 0) await world.publishes([1500]);
    await entries.look();
  }
  for (const subscription of await subscriptionsOf(world))
    await drain(world, subscription).catch(() => undefined);
}

/** Acknowledges all that a pull subscription still has; refused where nothing may pass. */
async function drain(world: World, { id, pullQueue }: Subscription): Promise<void> {
  if (pullQueue === undefined) return;
  const { flow } = world;
  const deps = { ...flow, sealer: flow.deps.sealer };
  flow.later(60_000);
  // An empty answer is not the end: what is withheld leaves the queue untold.
  for (let asked = 0; asked < 30; asked += 1) {
    const { messages } = await receive(deps, app, id, { max: 10, waitSeconds: 0 }, letIn);
    if (messages.length === 0) continue;
    await ack(
      deps,
      app,
      id,
      messages.map(({ lease }) => lease),
    );
  }
}

function asking(world: World): Omit<Told, 'endsWell'> {
  const { flow, sends, entries, stopped } = world;
  /** Each event with each subscription that it is for: accepted since that was made, before it ended, and matched. */
  const pairs = async () => {
    const all = await subscriptionsOf(world);
    const found = [...entries.all.values()].flatMap((entry) =>
      all
        .filter((subscription) => wants(subscription, routed(entry)))
        .filter(({ createdAt }) => decodeTime(entry.sequence) >= Date.parse(createdAt))
        .map((subscription) => ({ entry, subscription, id: deliveryId(entry.sequence, subscription.id) })),
    );
    const records = await flow.deliveries.read(found.map(({ id }) => id));
    return found
      .map((pair, index) => ({ ...pair, record: records[index] }))
      .filter(({ subscription, record }) => record !== undefined || subscription.status !== 'ended');
  };
  const say = ({ entry, subscription, record }: Awaited<ReturnType<typeof pairs>>[number]): string =>
    `${entry.sequence} for ${JSON.stringify(subscription)}: ${JSON.stringify(record)}`;
  const wishOf = async () => new Map((await subscriptionsOf(world)).map((one) => [urlOf(one), one]));

  return {
    async lost() {
      const messages = waiting(flow);
      const gaps = (await flow.gaps.receive()).flatMap(({ gap }) => (gap && 'keys' in gap ? gap.keys : []));
      const isOnItsWay = ({
        entry,
        subscription,
        record,
      }: Awaited<ReturnType<typeof pairs>>[number]): boolean => {
        // What a rule has not matched yet is routed again once it has settled.
        if (!record && !subscription.rule.settled) return true;
        if (entries.stream.includes(entry) || gaps.includes(entry.key)) return true;
        return messages.some(({ event, subscription: to, again }) => {
          if (event.sequence !== entry.sequence || to.id !== subscription.id) return false;
          return again === undefined || record === undefined || again.attempts === record.attemptCount;
        });
      };
      const isDue = ({ record, subscription }: Awaited<ReturnType<typeof pairs>>[number]): boolean => {
        if (record?.dueAt === undefined) return false;
        // Only where a circuit is on record does the clock look for what waits for it.
        return record.status !== 'waiting' || subscription.circuit !== undefined;
      };
      const open = (await pairs()).filter(({ record }) => !record || !FINAL.includes(record.status));
      return open.filter((pair) => !isDue(pair) && !isOnItsWay(pair)).map(say);
    },
    async undecided() {
      const isOpen = ({ subscription, record }: Awaited<ReturnType<typeof pairs>>[number]): boolean => {
        if (!record || !FINAL.includes(record.status)) return true;
        const closed = subscription.status === 'ended' || stopped.has(subscription.contract);
        return record.status === 'available' && !closed;
      };
      return (await pairs()).filter(isOpen).map(say);
    },
    async late() {
      const wishes = await wishOf();
      return sends.all.flatMap(({ url, at, id }) => {
        const stop = stopped.get(wishes.get(url)?.contract ?? '') ?? Number.POSITIVE_INFINITY;
        return at > stop + LATEST_MS ? [`${id}, ${at - stop} ms later`] : [];
      });
    },
    renamed: () =>
      [...Map.groupBy(sends.all, ({ url, sequence }) => `${url} ${sequence}`)]
        .filter(([, same]) => new Set(same.map(({ id }) => id)).size > 1)
        .map(([name]) => name),
    async foreign() {
      const wishes = await wishOf();
      const bySequence = new Map([...entries.all.values()].map((entry) => [entry.sequence, entry]));
      return sends.all.flatMap(({ url, sequence, id }) => {
        const [entry, wish] = [bySequence.get(sequence), wishes.get(url)];
        return entry && wish && wants(wish, routed(entry)) ? [] : [`${id} to ${url}`];
      });
    },
  };
}

/** Breaks the nth call since it was set, and with a crash every one that follows. */
function faults() {
  let fault: Fault | undefined;
  let calls = 0;
  let out = false;
  return {
    outage: (on: boolean): void => {
      out = on;
    },
    refuses: ({ event }: RoutedEvent): boolean => out && /[02468]$/.test(event.id),
    at: (next: Fault | undefined): void => {
      fault = next;
      calls = 0;
    },
    /** Does what the world does, not the process that breaks. */
    quietly: async (work: () => Promise<unknown>): Promise<void> => {
      const kept = fault;
      fault = undefined;
      await work();
      fault = kept;
    },
    breaks: (): Fault['where'] | undefined => {
      if (!fault) return undefined;
      const nth = calls;
      calls += 1;
      if (nth === fault.nth) return fault.where;
      return fault.crash && nth > fault.nth ? 'before' : undefined;
    },
  };
}

/** A webhook for each subscription, of which each request is kept with its instant. */
function sendsOf(flow: Flow) {
  const all: { url: string; sequence: string; id: string; at: number }[] = [];
  let status = 204;
  let slowMs = 0;
  flow.sender.send = async ({ url, headers, body }) => {
    const { sequence } = JSON.parse(String(body)) as { sequence: string };
    all.push({ url, sequence, id: headers['webhook-id'] ?? '', at: flow.now().getTime() });
    const answer = {
      kind: 'answer' as const,
      status,
      body: '',
      ...(status === 503 && { retryAfter: '1000' }),
    };
    await Promise.resolve();
    flow.later(slowMs);
    return answer;
  };
  const answer = async (next: number, slow: number): Promise<void> => void ([status, slowMs] = [next, slow]);
  return { all, answer };
}

/** What the ledger holds, whether or not its publisher was told, and what of it the stream has yet to give. */
async function ledgerOf(flow: Flow) {
  const all = new Map<string, LedgerEntry>();
  const stream: LedgerEntry[] = [];
  const look = async (): Promise<void> => {
    for await (const page of flow.ledger.history('school-air', new Date(0), new Date(2 ** 42))) {
      const fresh = page.map(({ key }) => key).filter((key) => !all.has(key));
      for (const entry of await flow.ledger.read(fresh, flow.now())) {
        if (!entry) continue;
        all.set(entry.key, entry);
        stream.push(entry);
      }
    }
  };
  return { all, stream, look };
}

/** Publishes readings as `atmo` does, the first of them twice. */
function publisherOf(flow: Flow): World['publishes'] {
  const types = catalogueReader(flow.registry, flow.schemas, {
    maxAgeMs: 2000,
    now: () => flow.now().getTime(),
  });
  const { ledger, now, nextSequence } = flow;
  let count = 0;
  return (co2) => {
    const readings = co2.map((value) => {
      count += 1;
      return { specversion: '1.0', id: `r${count}`, type: TYPE, data: { co2: value } };
    });
    return publish({ territory: 'test', ledger, now, nextSequence, types }, 'atmo', [
      ...readings,
      ...readings.slice(0, 1),
    ]);
  };
}

const WEBHOOK = {
  kind: 'webhook',
  url: 'https://app.example.org',
  mode: 'structured',
  concurrency: 10,
} as const;
const urlOf = ({ destination }: Subscription): string => ('url' in destination ? destination.url : '');

/** Three subscriptions that have settled: everything, what is high, and a pull queue. */
async function settledSubscriptions(flow: Flow): Promise<void> {
  const filter = { data: { co2: [{ numeric: ['>', 1000] }] } };
  const destination = { ...WEBHOOK, url: `${WEBHOOK.url}/high` };
  const pulling = { kind: 'pull' as const, concurrency: 10 };
  for (const wish of [{ destination: WEBHOOK }, { destination, filter }, { destination: pulling }]) {
    const createdAt = flow.now().toISOString();
    const { subscription } = await flow.begins({ subscription: { ...wish, createdAt } });
    await putRule(flow.rules, subscription);
  }
  const createdAt = flow.now().toISOString();
  await flow.has('schema', { dataset: 'school-air', type: TYPE, version: 1, schema: SCHEMA, createdAt });
  flow.later(RULE_LAG_MS);
}

/** What is on the queue, visible or not. */
function waiting(flow: Flow): DeliveryMessage[] {
  flow.later(900_000);
  const messages = flow.queue.take();
  flow.later(-900_000);
  void flow.queue.send(messages.map((message) => ({ message, delaySeconds: 0 })));
  return messages;
}
