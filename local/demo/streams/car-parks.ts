import type { CloudEvent } from '../../../events/cloudevent.ts';
import { carParkEvent, readCarParks, readRegister } from '../feeds/car-parks.ts';
import type { MeshClient } from '../mesh-client.ts';
import { PARTICIPANTS, sourceOf } from '../participants.ts';
import { publishBatch, type SdkDoor } from '../publishing.ts';
import { datasetOf, summaryOf } from '../summary.ts';
import type { View } from '../view.ts';
import { dataFile, type Stream, tellPublished } from './stream.ts';

const { id: who } = PARTICIPANTS.mobility;
const BATCH = { who, how: 'HTTPS, batch' };
const SDK = { who, how: 'AWS SDK' };

/** Where the replay begins: shortly before the reading that the source contradicts. */
const FIRST_ROW = 2688;
const ROWS_AT_ONCE = 6;

/** Six rows of the history at a time, in the file's order, by HTTPS and by the AWS SDK in turn. */
export async function carParkStream(
  provider: MeshClient,
  door: SdkDoor,
  view: View,
  now: () => Date,
): Promise<Stream> {
  const register = readRegister(await dataFile('stationnement-sta_parking.csv'));
  const rows = readCarParks(await dataFile('parking-availability-history-1.csv'));
  let replay = { source: replaySource(now()), row: FIRST_ROW, told: new Set<string>() };
  return {
    who,
    everyMs: 4500,
    async step() {
      if (replay.row >= rows.length) replay = { source: replaySource(now()), row: 0, told: new Set() };
      const { row, source, told } = replay;
      const events = rows.slice(row, row + ROWS_AT_ONCE).map((one) => carParkEvent(source, register, one));
      replay.row += ROWS_AT_ONCE;
      if ((row / ROWS_AT_ONCE) % 2 === 0) await sendBatch(provider, view, events);
      else await sendBySdk(door, view, events, told);
      for (const { id } of events) told.add(id);
    },
  };
}

/** What the SDK door refused since the last look: nobody waits for an answer there, so the publisher looks. */
export function refusalStream(provider: MeshClient, view: View, since: Date): Stream {
  const known = new Set<string>();
  return {
    who,
    everyMs: 5000,
    async step() {
      const { body } = await provider.ask<{ items: Refusal[] }>(
        'GET',
        '/publications?status=rejected&limit=50',
      );
      for (const { id, at, eventId, type, problem } of body.items.toReversed()) {
        if (known.has(id) || new Date(at) < since) continue;
        known.add(id);
        const ids = `${eventId}: ${problem.detail}`;
        view.line({ what: 'refused', ...SDK, dataset: type && datasetOf(type), summary: id, ids });
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

// Each replay has a source of its own: the ids of the same readings may come again in the next.
const replaySource = (at: Date): string =>
  sourceOf(who, `replay-${at.toISOString().replaceAll(/[-:.]/g, '')}`);

async function sendBatch(provider: MeshClient, view: View, events: CloudEvent[]): Promise<void> {
  const results = await publishBatch(provider, events);
  for (const result of results) {
    const event = events[result.index];
    if (event && result.status !== 'duplicate') tellPublished(view, BATCH, event, result);
  }
  tellRepeats(view, BATCH, results.filter(({ status }) => status === 'duplicate').length);
}

/** The SDK door says only that it took the events: which of them are repeats, the publisher knows from `told`. */
async function sendBySdk(
  door: SdkDoor,
  view: View,
  events: CloudEvent[],
  told: ReadonlySet<string>,
): Promise<void> {
  await door.put(events);
  const fresh = events.filter(({ id }) => !told.has(id));
  for (const { id, type, data } of fresh) {
    view.line({ what: 'sent', ...SDK, dataset: datasetOf(type), summary: summaryOf(type, data), ids: id });
  }
  tellRepeats(view, SDK, events.length - fresh.length);
}

function tellRepeats(view: View, by: { who: string; how: string }, times: number): void {
  if (times === 0) return;
  const summary = `${times} reading${times > 1 ? 's' : ''} told once more`;
  view.line({ what: 'duplicate', ...by, dataset: 'parkings', summary, times });
}
