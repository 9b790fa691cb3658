import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publisher, type Publisher, trickle } from '../load.ts';
import { quantile } from '../measure.ts';
import { inOwnMesh, type Mesh } from '../mesh.ts';
import { differ } from '../pointing.ts';
import { openSink } from '../processes.ts';
import { type Bench, figure, type Row } from '../row.ts';

/** What comes for the dead consumer before the other is measured. */
const WAITING = { batches: 100, events: 100 };
const TRICKLE = { perSecond: 20, seconds: 30 };
/** Until as many functions have started as the other will need. */
const WARM_UP = { perSecond: 20, seconds: 15 };
/** How much later than alone the other consumer's slowest hundredth may be. */
const MOST = 2;

/** One consumer that accepts connections and never answers, with events waiting, beside one that is well. */
export const fairness: Bench = {
  name: 'fairness',
  tells: 'how much later a consumer gets its events while another one times out on everything',
  run: () => inOwnMesh(measured),
};

async function measured(mesh: Mesh): Promise<Row[]> {
  const sink = await openSink();
  const dead = await openDead();
  try {
    // The test territory gives a consumer up after a minute, and parks what waits for it: here it goes on waiting.
    for (const name of ['deliver', 'clock'] as const) await differ(mesh, name, { disableAfter: 'P5D' });
    await mesh.subscribe(`${sink}/well`, ['well']);
    await mesh.subscribe(`${dead.url}/dead`, ['dead']);
    await mesh.tick(60);
    await trickle(mesh, sink, { ...WARM_UP, subject: 'well' });
    const alone = await meanwhile(mesh, sink, () => Promise.resolve());
    await flood(mesh);
    await settle(mesh, dead);
    const held = dead.count();
    // It goes on: more events for the dead one, and the same beats of the clock, which now probe it.
    const beside = await meanwhile(mesh, sink, (send) => send(5, 'dead', undefined, 10));
    return rowsOf(alone, beside, { tried: held, probed: dead.count() - held });
  } finally {
    dead.close();
  }
}

function rowsOf(alone: number[], beside: number[], seen: { tried: number; probed: number }): Row[] {
  const [before, after] = [quantile(alone, 0.99), quantile(beside, 0.99)];
  const waiting = WAITING.batches * WAITING.events;
  return [
    {
      what: `fairness: p99 beside a consumer that times out, ${waiting} events waiting`,
      measured: figure(after, 'ms'),
      floor: figure(before, 'ms'),
      ratio: `${(after / before).toFixed(2)}×`,
      target: `≤ ${MOST}×`,
      met: after <= MOST * before,
    },
    {
      what: 'fairness: requests to the consumer that times out, before and while measured',
      measured: `${seen.tried}, ${seen.probed}`,
      target: '–',
    },
  ];
}

async function flood(mesh: Mesh): Promise<void> {
  const { send, close } = publisher(mesh);
  for (let batch = 0; batch < WAITING.batches; batch += 1) await send(WAITING.events, 'dead', undefined, 10);
  close();
}

/** Until what was published has been put aside: no request for as long as one takes. */
async function settle(mesh: Mesh, dead: Dead): Promise<void> {
  let [last, quiet] = [-1, 0];
  for (let seconds = 0; seconds < 60 && quiet < 5; seconds += 1) {
    await sleep(1000);
    quiet = dead.count() === last ? quiet + 1 : 0;
    last = dead.count();
  }
  await mesh.tick(0);
}

/** Four times as often as in production, where the clock beats each minute; each beat probes who was given up. */
const BEAT_MS = 15_000;

/** How long events take to the consumer that is well, beside the clock's beats and what is done every two seconds. */
async function meanwhile(
  mesh: Mesh,
  sink: string,
  other: (send: Publisher['send']) => Promise<void>,
): Promise<number[]> {
  const { send, close } = publisher(mesh);
  const measured = new AbortController();
  const every = async (ms: number, what: () => Promise<void>): Promise<void> => {
    while (!measured.signal.aborted) {
      await what();
      await sleep(ms, undefined, { signal: measured.signal }).catch(() => undefined);
    }
  };
  const [took] = await Promise.all([
    trickle(mesh, sink, { ...TRICKLE, subject: 'well' }).finally(() => measured.abort()),
    every(2000, () => other(send)),
    every(BEAT_MS, () => mesh.tick(0)),
  ]);
  close();
  return took;
}

interface Dead {
  url: string;
  /** How many requests came. */
  count: () => number;
  close: () => void;
}

/** Says that it wants events, takes them, and never answers. */
async function openDead(): Promise<Dead> {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'OPTIONS')
      response
        .writeHead(200, { 'webhook-allowed-origin': String(request.headers['webhook-request-origin']) })
        .end();
    else requests += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, count: () => requests, close };
}
