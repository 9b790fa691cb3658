import { setTimeout as wait } from 'node:timers/promises';
import type { CloudEvent } from '../../events/cloudevent.ts';
import type { Delivery } from '../../schemas/delivery.ts';
import { type MeshClient, MeshProblem } from './mesh-client.ts';
import type { ReceivedEvent } from './receivers.ts';
import { datasetOf, summaryOf } from './summary.ts';
import type { Line, View } from './view.ts';

/** A consumer of the demonstration and what it needs to tell what it got. */
export interface Consumer {
  id: string;
  mesh: MeshClient;
  view: View;
  signal: AbortSignal;
}

const LOOKS = 6;
const RETRY_MS = 2000;
const WATCH_MS = 5000;

/** Tells an event that came by webhook, with what the contract said of it: the delivery's own record is asked. */
export async function tellReceived(
  { id: who, mesh, view, signal }: Consumer,
  event: ReceivedEvent,
): Promise<void> {
  const line = { who, dataset: datasetOf(event.type), summary: summaryOf(event.type, event.data) };
  // The record is written once the answer to the webhook is in: the first looks may be too early.
  for (let look = 1; look <= LOOKS; look++) {
    await wait(150 * look, undefined, { signal });
    const found = await mesh.find<Delivery>(`/deliveries/${event.delivery}`);
    if (!found || found.body.attempts.length === 0) continue;
    view.line({
      what: 'delivered',
      ...line,
      how: sayingOf(found.body),
      ids: `${event.delivery} of ${event.id}`,
    });
    return;
  }
  view.line({
    what: 'delivered',
    ...line,
    how: '(not recorded yet)',
    ids: `${event.delivery} of ${event.id}`,
  });
}

/** Pulls a subscription until the signal: receives, acknowledges, tells. `onEvent` hears of each event. */
export function pull(consumer: Consumer, subscription: string, onEvent: () => void): Promise<void> {
  const { mesh, view, id: who } = consumer;
  const messages = `/subscriptions/${subscription}/messages`;
  return repeatedly(consumer, async () => {
    const { body } = await mesh.ask<Pulled>('POST', `${messages}/receive`, {
      json: { max: 10, waitSeconds: 10 },
    });
    if (body.messages.length === 0) return;
    await mesh.ask('POST', `${messages}/ack`, { json: { leases: body.messages.map(({ lease }) => lease) } });
    const lines = await linesOf(mesh, subscription, body.messages);
    for (const line of lines) view.line({ what: 'pulled', who, ...line });
    lines.forEach(onEvent);
  });
}

/** Tells what a contract withholds from a webhook, until the signal: the receiver itself hears nothing of it. */
export function watchWithheld(consumer: Consumer, subscription: string): Promise<void> {
  const { mesh, view, signal, id: who } = consumer;
  const since = encodeURIComponent(new Date().toISOString());
  const list = `/subscriptions/${subscription}/deliveries?status=withheld&since=${since}&limit=20`;
  const told = new Set<string>();
  return repeatedly(consumer, async () => {
    await wait(WATCH_MS, undefined, { signal });
    const { body } = await mesh.ask<{ items: Delivery[] }>('GET', list);
    for (const delivery of body.items.toReversed()) {
      if (told.has(delivery.id)) continue;
      told.add(delivery.id);
      const line = { dataset: datasetOf(delivery.event.type), summary: 'an event kept back' };
      view.line({ what: 'withheld', who, ...line, how: sayingOf(delivery), ids: idsOf(delivery) });
    }
  });
}

/** Does a step again and again until the signal; the same trouble is told once, until a step succeeds. */
async function repeatedly({ id, view, signal }: Consumer, step: () => Promise<void>): Promise<void> {
  let trouble = '';
  while (!signal.aborted) {
    try {
      await step();
      trouble = '';
    } catch (error) {
      if (signal.aborted) return;
      if (trouble !== String(error)) tellTrouble(view, id, error);
      trouble = String(error);
      await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** A conflict is the contract's saying: nothing passes on it now. Anything else is a fault. */
function tellTrouble(view: View, who: string, error: unknown): void {
  const closed = error instanceof MeshProblem && error.problem.status === 409;
  if (closed)
    view.line({ what: 'withheld', who, summary: 'all that is to be pulled', ids: error.problem.detail });
  else tellFault(view, who, error);
}

/** Tells what went wrong for a participant, in one line: the mesh's own words where it has some. */
export function tellFault(view: View, who: string, error: unknown): void {
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  const summary =
    error instanceof MeshProblem ? error.message.replaceAll('\n', ' ') : `${String(error)}${cause}`;
  view.line({ what: 'fault', who, summary });
}

interface Pulled {
  messages: { lease: string; event: CloudEvent }[];
}

async function linesOf(
  mesh: MeshClient,
  subscription: string,
  messages: Pulled['messages'],
): Promise<Omit<Line, 'what' | 'who'>[]> {
  const { body } = await mesh.ask<{ items: Delivery[] }>(
    'GET',
    `/subscriptions/${subscription}/deliveries?limit=100`,
  );
  const records = new Map(body.items.map((delivery) => [delivery.event.sequence, delivery]));
  return messages.map(({ event }) => {
    const record = records.get(String(event['sequence']));
    return {
      dataset: datasetOf(event.type),
      summary: summaryOf(event.type, event.data),
      how: record && sayingOf(record),
      ids: `${record?.id ?? '?'} of ${event.id}`,
    };
  });
}

/** A delivery's id with that of its event, which a contract may hide. */
const idsOf = ({ id, event }: Delivery): string => (event.id === undefined ? id : `${id} of ${event.id}`);

/** What the contract said of a delivery, and by which clauses: `redact: no-presence`, or the first of many. */
export function sayingOf({ verdict, clause }: Pick<Delivery, 'verdict' | 'clause'>): string {
  const [first = '', ...more] = clause.replace(/^minimisation\./, '').split('+');
  return `${verdict}: ${first}${more.length === 1 ? `+${more[0]}` : ''}${more.length > 1 ? ` and ${more.length} more` : ''}`;
}
