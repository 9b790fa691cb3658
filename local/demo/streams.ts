import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { CloudEvent } from '../../events/cloudevent.ts';
import { tellFault } from './consumers.ts';
import { airEvent, CLASSROOMS, readAir } from './feeds/air.ts';
import { carParkEvent, readCarParks, readRegister } from './feeds/car-parks.ts';
import { rseeEvents } from './feeds/rsee.ts';
import { type MeshClient, MeshProblem } from './mesh-client.ts';
import { PARTICIPANTS, sourceOf } from './participants.ts';
import {
  type EventResult,
  publishBatch,
  publishBinary,
  publishStructured,
  type SdkDoor,
} from './publishing.ts';
import { datasetOf, summaryOf } from './summary.ts';
import type { View } from './view.ts';

/** A provider's feed: each step publishes something and tells it. */
export interface Feed {
  who: string;
  everyMs: number;
  step: () => Promise<void>;
}

const { atmo, bouygues, mobility } = PARTICIPANTS;
const file = (name: string): Promise<string> => readFile(new URL(`data/${name}`, import.meta.url), 'utf8');

/** Steps a feed until the signal; what goes wrong is told, and the feed goes on. */
export async function run({ who, everyMs, step }: Feed, view: View, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await step().catch((error: unknown) => signal.aborted || tellFault(view, who, error));
    await wait(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** One classroom's reading a second, in turn; a minute of the recorded room is told each time round. */
export async function airFeed(provider: MeshClient, view: View, now: () => Date): Promise<Feed> {
  const readings = readAir(await file('indoor-co2-occupancy-test.csv'));
  let count = 0;
  return {
    who: atmo.id,
    everyMs: 1000,
    async step() {
      const room = CLASSROOMS[count % CLASSROOMS.length];
      const minute = Math.floor(count / CLASSROOMS.length);
      const reading = readings[((room?.startRow ?? 0) + minute) % readings.length];
      count += 1;
      if (!room || !reading) throw new Error('the air feed has no rows');
      const event = airEvent(sourceOf(atmo.id), room, reading, now());
      tellPublished(
        view,
        atmo.id,
        'HTTPS, structured',
        event,
        await result(publishStructured(provider, event)),
      );
    },
  };
}

/** The studies, and again each minute as a nightly export would: then they are duplicates, and nobody gets them twice. */
export async function buildingFeed(provider: MeshClient, view: View): Promise<Feed> {
  const source = sourceOf(bouygues.id, 'rsee');
  const events = [
    ...rseeEvents(source, 'residence-les-tilleuls', await file('rsee-2-batiments-conforme.xml')),
    ...rseeEvents(source, 'ecole-du-port', await file('rsee-1-batiment-non-conforme.xml')),
  ];
  return {
    who: bouygues.id,
    everyMs: 60_000,
    async step() {
      for (const event of events)
        tellPublished(
          view,
          bouygues.id,
          'HTTPS, binary',
          event,
          await result(publishBinary(provider, event)),
        );
    },
  };
}

/** Where the replay of the car parks begins: shortly before the reading that the source contradicts. */
const FIRST_ROW = 2688;
const ROWS_AT_ONCE = 6;

/** Six rows of the history at a time, in the file's order, by HTTPS and by the AWS SDK in turn. */
export async function carParkFeed(
  provider: MeshClient,
  door: SdkDoor,
  view: View,
  now: () => Date,
): Promise<Feed> {
  const register = readRegister(await file('stationnement-sta_parking.csv'));
  const rows = readCarParks(await file('parking-availability-history-1.csv'));
  let next = FIRST_ROW;
  let source = replaySource(now());
  return {
    who: mobility.id,
    everyMs: 3500,
    async step() {
      if (next >= rows.length) [next, source] = [0, replaySource(now())];
      const bySdk = (next / ROWS_AT_ONCE) % 2 === 1;
      const events = rows.slice(next, next + ROWS_AT_ONCE).map((row) => carParkEvent(source, register, row));
      next += ROWS_AT_ONCE;
      if (bySdk) await sendBySdk(door, view, events);
      else tellBatch(view, events, await publishBatch(provider, events));
    },
  };
}

// Each replay has a source of its own: the ids of the same readings may come again in the next.
const replaySource = (at: Date): string =>
  sourceOf(mobility.id, `replay-${at.toISOString().replaceAll(/[-:.]/g, '')}`);

/** What the SDK door refused since the last look: nobody waits for an answer there, so the publisher looks. */
export function refusalFeed(provider: MeshClient, view: View, since: Date): Feed {
  const told = new Set<string>();
  return {
    who: mobility.id,
    everyMs: 5000,
    async step() {
      const { body } = await provider.ask<{ items: Refusal[] }>(
        'GET',
        '/publications?status=rejected&limit=50',
      );
      for (const { id, at, eventId, type, problem } of body.items.toReversed()) {
        if (told.has(id) || new Date(at) < since) continue;
        told.add(id);
        view.line({
          what: 'refused',
          who: mobility.id,
          dataset: type && datasetOf(type),
          summary: problem.detail,
          how: 'AWS SDK',
          ids: `${eventId}, ${id}`,
        });
      }
    },
  };
}

interface Refusal {
  id: string;
  at: string;
  eventId: string;
  type?: string;
  problem: { detail: string };
}

async function sendBySdk(door: SdkDoor, view: View, events: CloudEvent[]): Promise<void> {
  await door.put(events);
  for (const [id, { summary, dataset }] of distinct(events)) {
    view.line({ what: 'sent', who: mobility.id, dataset, summary, how: 'AWS SDK', ids: id });
  }
}

function distinct(events: CloudEvent[]) {
  return new Map(
    events.map(({ id, type, data }) => [id, { summary: summaryOf(type, data), dataset: datasetOf(type) }]),
  );
}

function tellBatch(view: View, events: CloudEvent[], results: EventResult[]): void {
  const repeats = results.filter(({ status }) => status === 'duplicate').length;
  for (const { index, ...result } of results) {
    const event = events[index];
    if (event && result.status !== 'duplicate')
      tellPublished(view, mobility.id, 'HTTPS, batch', event, { index, ...result });
  }
  if (repeats === 0) return;
  const summary = `${repeats} reading${repeats > 1 ? 's' : ''} told once more`;
  view.line({ what: 'duplicate', who: mobility.id, dataset: 'parkings', summary, how: 'HTTPS, batch' });
}

function tellPublished(
  view: View,
  who: string,
  how: string,
  event: CloudEvent,
  { status, problem }: EventResult,
): void {
  const what = {
    accepted: 'published',
    duplicate: 'duplicate',
    rejected: 'refused',
    failed: 'fault',
  } as const;
  view.line({
    what: what[status],
    who,
    dataset: datasetOf(event.type),
    summary: summaryOf(event.type, event.data) + (problem ? `: ${problem.title}` : ''),
    how,
    ids: event.id,
  });
}

/** The result of publishing one event; its refusal is a result too. */
async function result(published: Promise<EventResult>): Promise<EventResult> {
  try {
    return await published;
  } catch (error) {
    if (!(error instanceof MeshProblem) || ![409, 422].includes(error.problem.status)) throw error;
    return { index: 0, status: 'rejected', problem: error.problem };
  }
}
