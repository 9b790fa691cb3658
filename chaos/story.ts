import { setTimeout as sleep } from 'node:timers/promises';
import { airEvents } from '../bench/given.ts';
import { call } from '../bench/mesh.ts';
import type { CloudEvent } from '../events/cloudevent.ts';
import type { DeliveryStatus } from '../schemas/delivery.ts';
import type { Behaviour, Inbox } from './receivers.ts';
import type { World } from './world.ts';

const BATCH = 20;
/** A publisher gives up when an event was not accepted for so long. */
const PUBLISH_MS = 120_000;
/** The sum must hold within so long after the fault is over. */
const PATIENCE_MS = 150_000;
/** So long nothing new may come before the sum is final. */
const QUIET_MS = 1500;

/** One subscription of a scenario, and where its deliveries come in. */
export interface Subscribed {
  id: string;
  inbox: Inbox;
  called: string;
}

/** What a scenario's world did: publishes, subscribes, and adds up. */
export interface Story {
  world: World;
  /** How many events the scenario should send. */
  events: number;
  subscribed: Subscribed[];
  /**
   * Subscribes to what this scenario publishes; the rule has settled when it answers. The request may be another one than
   * for a webhook, and all events.
   */
  subscribe: (called: string, behave?: Behaviour, request?: object) => Promise<Subscribed>;
  /** Publishes so many events, each changed; each goes again until it is accepted, as a careful publisher does. */
  publish: (count?: number, change?: (event: CloudEvent) => CloudEvent) => Promise<void>;
  /** Ids that were sent, and that were accepted. */
  sent: Set<string>;
  accepted: Set<string>;
  /** Answers that were not 202, or none at all. */
  refused: number;
  /** What a scenario wants told in its row. */
  notes: string[];
  /** Fails the scenario. */
  expect: (holds: boolean, what: string) => void;
  faults: string[];
}

/** How it ended for one subscription. */
export interface Sum {
  called: string;
  delivered: number;
  parked: number;
  lost: string[];
  waiting: number;
  /** Times that an event was taken again. */
  duplicates: number;
  /** Events that came under more than one `webhook-id`. */
  twoIds: number;
  /** Events that came and were never accepted, or that the mesh calls delivered and nobody took. */
  invented: number;
}

let stories = 0;

/** Begins a scenario. */
export function storyOf(world: World, events: number): Story {
  stories += 1;
  const subject = `chaos-${stories}`;
  const story: Story = {
    world,
    events,
    subscribed: [],
    sent: new Set(),
    accepted: new Set(),
    refused: 0,
    notes: [],
    faults: [],
    expect: (holds, what) => void (holds || story.faults.push(what)),
    subscribe: (called, behave, request) => subscribe(story, subject, called, behave, request),
    publish: (count = events, change = (event) => event) => publish(story, subject, count, change),
  };
  return story;
}

async function subscribe(
  story: Story,
  subject: string,
  called: string,
  behave?: Behaviour,
  { filter, ...request }: { filter?: object } = {},
): Promise<Subscribed> {
  const { mesh, receivers } = story.world;
  const inbox = receivers.open(behave);
  const made = await call(mesh.url, mesh.consumer.key, 'POST', '/v1/subscriptions', {
    contract: mesh.contract,
    filter: { subject: [subject], ...filter },
    destination: { kind: 'webhook', url: inbox.url },
    ...request,
  });
  // Safe: api.md says what is answered.
  const { id } = made['subscription'] as { id: string };
  await mesh.tick(60);
  const subscribed = { id, inbox, called };
  story.subscribed.push(subscribed);
  return subscribed;
}

async function publish(
  story: Story,
  subject: string,
  count: number,
  change: (event: CloudEvent) => CloudEvent,
): Promise<void> {
  for (let done = 0; done < count; done += BATCH) {
    const events = airEvents(Math.min(BATCH, count - done), { subject, source: undefined }).map(change);
    for (const { id } of events) story.sent.add(id);
    let open = events;
    const until = Date.now() + PUBLISH_MS;
    while (open.length > 0) {
      const taken = await send(story, open);
      for (const id of taken) story.accepted.add(id);
      open = open.filter(({ id }) => !taken.has(id));
      if (open.length === 0) break;
      story.refused += 1;
      if (Date.now() > until) throw new Error(`${open.length} events were never accepted`);
      await sleep(300);
    }
  }
}

/** Sends one batch; answers the ids that the mesh has, by this call or by an earlier one. */
async function send({ world: { mesh } }: Story, events: object[]): Promise<Set<string>> {
  const answer = await fetch(`${mesh.url}/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${mesh.provider.key}`,
      'content-type': 'application/cloudevents-batch+json',
    },
    body: JSON.stringify(events),
  }).catch(() => undefined);
  // A connection that was cut, or the gateway's own answer in place of the function's.
  const body = await answer?.json().catch(() => undefined);
  // Safe: api.md says what is answered to a batch; a problem has no results.
  const { results = [] } = (body ?? {}) as { results?: { id: string; status: string }[] };
  return new Set(results.flatMap(({ id, status }) => (/accepted|duplicate/.test(status) ? [id] : [])));
}

/** Ends the subscriptions of a scenario. */
export async function endStory({ world: { mesh }, subscribed }: Story): Promise<void> {
  for (const { id } of subscribed)
    await call(mesh.url, mesh.consumer.key, 'DELETE', `/v1/subscriptions/${id}`);
}

/** Waits until the sum holds for every subscription, while the clock ticks, or until patience ends; answers the sums. */
export async function addUp(story: Story): Promise<Sum[]> {
  const until = Date.now() + PATIENCE_MS;
  let redriven = 0;
  for (;;) {
    await story.world.mesh.tick(0).catch(() => undefined);
    await sleep(700);
    redriven += await story.world.redrive();
    const sums: Sum[] = [];
    for (const subscribed of story.subscribed) sums.push(await sumOf(story, subscribed));
    const holds = sums.every(({ lost, waiting }) => lost.length === 0 && waiting === 0);
    const quiet = story.subscribed.every(({ inbox }) => Date.now() - inbox.lastAt > QUIET_MS);
    if ((!holds || !quiet) && Date.now() < until) continue;
    if (redriven > 0) story.notes.push(`${redriven} dead letters redriven, as the runbook says`);
    return sums;
  }
}

async function sumOf({ world: { mesh }, accepted }: Story, { id, inbox, called }: Subscribed): Promise<Sum> {
  const statuses = await statusesOf(mesh, id);
  const withStatus = (...some: DeliveryStatus[]): string[] =>
    [...statuses].flatMap(([event, status]) => (some.includes(status) ? [event] : []));
  const parked = withStatus('parked', 'withheld', 'gone').filter((event) => !inbox.taken.has(event));
  const has = new Set([...inbox.taken.keys(), ...parked]);
  const told = withStatus('delivered').filter((event) => !inbox.taken.has(event));
  const unknown = [...inbox.taken.keys()].filter((event) => !accepted.has(event));
  return {
    called,
    delivered: inbox.taken.size,
    parked: parked.length,
    lost: [...accepted].filter((event) => !has.has(event)),
    waiting: withStatus('retrying', 'delayed', 'available').length,
    duplicates: inbox.takes - inbox.taken.size,
    twoIds: [...inbox.taken.values()].filter(({ size }) => size > 1).length,
    invented: told.length + unknown.length,
  };
}

/** The status of each event's delivery, as the consumer sees them. */
async function statusesOf(mesh: World['mesh'], id: string): Promise<Map<string, DeliveryStatus>> {
  const found = new Map<string, DeliveryStatus>();
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/v1/subscriptions/${id}/deliveries?limit=200${query}`;
    const page = (await call(mesh.url, mesh.consumer.key, 'GET', path)) as {
      items: { event: { id: string }; status: DeliveryStatus }[];
      next: string | null;
    };
    for (const { event, status } of page.items) found.set(event.id, status);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}
