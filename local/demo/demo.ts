import { setTimeout as wait } from 'node:timers/promises';
import type { Contract } from '../../schemas/contract.ts';
import { AGREEMENTS } from './agreements.ts';
import { PARTICIPANTS } from './participants.ts';
import { openSdkDoor } from './publishing.ts';
import { seedAgreements, seedDatasets, seedParticipants } from './seed.ts';
import { type DemoOptions, meshOf, type Stage } from './stage.ts';
import { airStream } from './streams/air.ts';
import { buildingStream } from './streams/buildings.ts';
import { carParkStream, refusalStream } from './streams/car-parks.ts';
import { run } from './streams/stream.ts';
import { createView } from './view.ts';
import { Trouble } from '../say.ts';

/** A demonstration that is ready. */
export interface Demo {
  /** The API key of each participant, by id. */
  keys: Record<string, string>;
  /** Resolves once everything has ended after the signal. */
  done: Promise<void>;
}

const FIRST_EVENTS_MS = 120_000;

/**
 * Plays La Rochelle on a mesh, from the outside: admits participants, makes datasets, contracts and subscriptions, and
 * publishes real data until the signal. Resolves once every consumer has received something; what an earlier run made
 * is found and used. Rejects with the mesh's own words when it refuses anything before that.
 */
export async function runDemo(options: DemoOptions): Promise<Demo> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const view = createView(options.out ?? process.stdout, process.env);
  const stage: Stage = {
    ...options,
    signal,
    view,
    keys: {},
    heard: new Set(),
    running: new Set(),
    closers: [],
  };
  try {
    await seedParticipants(stage);
    await seedDatasets(stage);
    const contracts = await seedAgreements(stage);
    view.section('Try, in another terminal', firstSteps(options.url, contracts));
    await startStreams(stage);
    await firstEvents(stage);
  } catch (error) {
    stopping.abort();
    await end(stage);
    throw error;
  }
  return { keys: stage.keys, done: untilEnd(stage) };
}

function firstSteps(url: string, contracts: Contract[]): string[] {
  const { atmo, app, lab } = PARTICIPANTS;
  const as = (id: string): string =>
    `-H "Authorization: Bearer $(node -p "require('./.local/mesh.json').keys['${id}']")"`;
  const contract = contracts.find(({ consumer }) => consumer === app.id)?.id ?? '';
  const reason = `-H 'Content-Type: application/json' -d '{"reason":"A pause"}'`;
  return [
    `the datasets    curl -s ${url}/v1/datasets`,
    `as the lab      curl -s ${as(lab.id)} ${url}/v1/contracts`,
    `Atmo says stop  curl -s -X POST ${as(atmo.id)} ${reason} ${url}/v1/contracts/${contract}/suspend`,
    `and go on       curl -s -X POST ${as(atmo.id)} ${url}/v1/contracts/${contract}/resume`,
    'The keys are in .local/mesh.json as soon as the mesh is ready.',
  ];
}

async function startStreams(stage: Stage): Promise<void> {
  const { view, signal, engine } = stage;
  const now = (): Date => new Date();
  const mobility = meshOf(stage, PARTICIPANTS.mobility.id);
  const door = await openSdkDoor(mobility, engine);
  stage.closers.push(door.close);
  const streams = [
    await buildingStream(meshOf(stage, PARTICIPANTS.bouygues.id), view),
    await airStream(meshOf(stage, PARTICIPANTS.atmo.id), view, now),
    await carParkStream(mobility, door, view, now),
    refusalStream(mobility, view, now()),
  ];
  view.section('Live: who published what, what the contract said, who received it. Ctrl-C ends it.');
  for (const stream of streams) stage.running.add(run(stream, view, signal));
}

/** Waits until each consumer has received something. */
async function firstEvents({ heard, signal }: Stage): Promise<void> {
  const consumers = [...new Set(AGREEMENTS.map(({ consumer }) => consumer))];
  const until = Date.now() + FIRST_EVENTS_MS;
  for (;;) {
    const missing = consumers.filter((consumer) => !heard.has(consumer));
    if (missing.length === 0) return;
    if (Date.now() > until) {
      throw new Trouble(`After ${FIRST_EVENTS_MS / 1000} s nothing has arrived at ${missing.join(', ')}`);
    }
    await wait(100, undefined, { signal });
  }
}

async function untilEnd(stage: Stage): Promise<void> {
  await new Promise<void>((resolve) => {
    if (stage.signal.aborted) resolve();
    else stage.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await end(stage);
  const counts = Object.entries(stage.view.counts()).filter(([, count]) => count > 0);
  stage.view.section('Ended', [counts.map(([what, count]) => `${count} ${what}`).join(', ')]);
}

async function end({ running, closers }: Stage): Promise<void> {
  await Promise.allSettled(running);
  await Promise.allSettled(closers.map((closer) => closer()));
}
