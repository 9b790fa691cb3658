import { type Door, flood, publisher, seenBy, trickle } from '../load.ts';
import { quantile } from '../measure.ts';
import { inOwnMesh, type Mesh } from '../mesh.ts';
import { openSink } from '../processes.ts';
import { type Bench, figure, type Row } from '../row.ts';
import { openSpike } from '../spike/spike.ts';

/** One way through: where to publish, and where it arrives. */
interface Way {
  door: Door;
  sink: string;
  /** A standing wish for the events whose subject is one of these. */
  subscribe: (number: number, subjects: string[]) => Promise<void>;
  settle: () => Promise<void>;
}

/**
 * From `POST` to webhook on the local engine, the mesh and the thin spike of the same flow in turn, each on an engine
 * of its own: the engine's work is in both figures, and so is whatever else this machine does.
 */
export const endToEnd: Bench = {
  name: 'flow',
  tells:
    'from POST to webhook on the local engine, beside a bare spike of the same flow: events per second and waiting time',
  run: () => inOwnMesh(besideSpike),
};

async function besideSpike(mesh: Mesh): Promise<Row[]> {
  const [sink, spikeSink] = [await openSink(), await openSink()];
  const spike = await openSpike(`${spikeSink}/spike`);
  const ways: [Way, Way] = [
    {
      door: mesh,
      sink,
      subscribe: (number, subjects) => mesh.subscribe(`${sink}/${number}`, subjects),
      // Settled, so that nothing is routed again while it is measured.
      settle: () => mesh.tick(60),
    },
    {
      door: spike,
      sink: spikeSink,
      subscribe: (number, subjects) => spike.subscribe(`sub-${number}`, subjects),
      settle: () => Promise.resolve(),
    },
  ];
  return measured(ways).finally(spike.close);
}

async function measured(ways: [Way, Way]): Promise<Row[]> {
  const rows: Row[] = [];
  await subscribe(ways, 0, 1);
  for (const way of ways) await warmUp(way);
  rows.push(...(await atRest(ways)));
  rows.push(await matchingOne(ways, 1));
  for (const [from, to, events] of [
    [1, 10, 50],
    [10, 100, 10],
  ] as const) {
    await subscribe(ways, from, to);
    rows.push(await matchingOne(ways, to), await matchingAll(ways, to, events));
  }
  return rows;
}

/** One request after the other first: the engine starts a process for each that comes while another is under way. */
async function warmUp({ door, sink }: Way): Promise<void> {
  const { send, close } = publisher(door);
  for (let count = 0; count < 10; count += 1) await send(1, 'one');
  close();
  await seenBy(sink, 10);
  await flood(door, sink, { batches: 4, subject: 'one', fanOut: 1 });
}

/** The subscriptions by number: the first takes every subject, the first ten `ten`, all of them `hundred`. */
async function subscribe(ways: Way[], from: number, to: number): Promise<void> {
  for (const way of ways) {
    for (let at = from; at < to; at += 1)
      await way.subscribe(at, [...(at < 1 ? ['one'] : []), ...(at < 10 ? ['ten'] : []), 'hundred']);
    await way.settle();
  }
}

const ROUNDS = 3;

/** What mesh and spike reach in a few rounds, in turn; the best round of each, which the fewest things disturbed. */
async function inRounds(ways: [Way, Way], load: Parameters<typeof flood>[2]): Promise<[number, number]> {
  const best: [number, number] = [0, 0];
  for (let round = 0; round < ROUNDS; round += 1)
    for (const at of [0, 1] as const)
      best[at] = Math.max(best[at], await flood(ways[at].door, ways[at].sink, load));
  return best;
}

const fastRow = (what: string, [mesh, spike]: [number, number], unit: string): Row => ({
  what,
  measured: figure(mesh, unit),
  floor: figure(spike, unit),
  ratio: `${(mesh / spike).toFixed(2)}×`,
  target: '≥ 1×',
  met: mesh >= spike,
});

async function matchingOne(ways: [Way, Way], subscriptions: number): Promise<Row> {
  const both = await inRounds(ways, { batches: 20, subject: 'one', fanOut: 1 });
  const what = subscriptions === 1 ? 'flow: fan-out 1' : `flow: ${subscriptions} subscriptions, one matches`;
  return fastRow(what, both, 'events/s');
}

async function matchingAll(ways: [Way, Way], fanOut: number, events: number): Promise<Row> {
  const subject = fanOut === 10 ? 'ten' : 'hundred';
  const both = await inRounds(ways, { batches: 6, subject, fanOut, events });
  return fastRow(`flow: fan-out ${fanOut} (${figure(both[0] / fanOut)} events/s)`, both, 'deliveries/s');
}

/** How long a single event takes to its webhook at a gentle rate. */
async function atRest(ways: [Way, Way]): Promise<Row[]> {
  const [mesh, spike] = [await gently(ways[0]), await gently(ways[1])];
  const row = (part: number): Row => {
    const [measured, floor] = [quantile(mesh, part), quantile(spike, part)];
    return {
      what: `flow: POST to webhook at 20 events/s, p${part * 100}`,
      measured: figure(measured, 'ms'),
      floor: figure(floor, 'ms'),
      ratio: `${(measured / floor).toFixed(2)}×`,
      // What the design's spike took at rest, where it was measured.
      target: part === 0.5 ? '≤ 96 ms' : '–',
      met: part === 0.5 ? measured <= 96 : undefined,
    };
  };
  return [row(0.5), row(0.99)];
}

const gently = ({ door, sink }: Way): Promise<number[]> =>
  trickle(door, sink, { perSecond: 20, seconds: 15, subject: 'one' });
