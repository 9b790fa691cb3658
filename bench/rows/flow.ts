import { flood, publisher, seenBy, trickle } from '../load.ts';
import { quantile } from '../measure.ts';
import type { Mesh } from '../mesh.ts';
import { openSink } from '../processes.ts';
import { type Bench, figure, leastRow, mostRow, type Row } from '../row.ts';

/** What a thin spike of this flow reached on the same engine and as many cores (docs/decisions tells of it). */
const SPIKE = { eventsPerSecond: 520, deliveriesPerSecond: 640, atRestMs: 96 };

/** From `POST` to webhook on the local engine: the engine included, so what the mesh can do is more. */
export const endToEnd: Bench = {
  name: 'flow',
  tells:
    'from POST to webhook on the local engine: events per second and waiting time, at fan-out 1, 10 and 100',
  async run(context) {
    const mesh = await context.mesh();
    const sink = await openSink();
    const rows: Row[] = [];
    await subscribe(mesh, sink, 0, 1);
    await warmUp(mesh, sink);
    rows.push(...(await atRest(mesh, sink)));
    rows.push(await matchingOne(mesh, sink, 1));
    for (const [from, to, events] of [
      [1, 10, 50],
      [10, 100, 10],
    ] as const) {
      await subscribe(mesh, sink, from, to);
      rows.push(await matchingOne(mesh, sink, to), await matchingAll(mesh, sink, to, events));
    }
    return rows;
  },
};

/** One request after the other first: the engine starts a process for each that comes while another is under way. */
async function warmUp(mesh: Mesh, sink: string): Promise<void> {
  const { send, close } = publisher(mesh);
  for (let count = 0; count < 10; count += 1) await send(1, 'one');
  close();
  await seenBy(sink, 10);
  await flood(mesh, sink, { batches: 4, subject: 'one', fanOut: 1 });
}

/** The subscriptions by number: the first takes every subject, the first ten `ten`, all of them `hundred`. */
async function subscribe(mesh: Mesh, sink: string, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 1) {
    await mesh.subscribe(`${sink}/${at}`, [
      ...(at < 1 ? ['one'] : []),
      ...(at < 10 ? ['ten'] : []),
      'hundred',
    ]);
  }
  // Settled, so that nothing is routed again while it is measured.
  await mesh.tick(60);
}

async function matchingOne(mesh: Mesh, sink: string, subscriptions: number): Promise<Row> {
  const perSecond = await flood(mesh, sink, { batches: 20, subject: 'one', fanOut: 1 });
  const what = subscriptions === 1 ? 'flow: fan-out 1' : `flow: ${subscriptions} subscriptions, one matches`;
  return leastRow(what, perSecond, 'events/s', SPIKE.eventsPerSecond);
}

async function matchingAll(mesh: Mesh, sink: string, fanOut: number, events: number): Promise<Row> {
  const subject = fanOut === 10 ? 'ten' : 'hundred';
  const perSecond = await flood(mesh, sink, { batches: 6, subject, fanOut, events });
  const what = `flow: fan-out ${fanOut} (${figure(perSecond / fanOut)} events/s)`;
  return leastRow(what, perSecond, 'deliveries/s', SPIKE.deliveriesPerSecond);
}

async function atRest(mesh: Mesh, sink: string): Promise<Row[]> {
  const tookMs = await trickle(mesh, sink, { perSecond: 20, seconds: 15, subject: 'one' });
  const p99 = quantile(tookMs, 0.99);
  return [
    mostRow('flow: POST to webhook at 20 events/s, p50', quantile(tookMs, 0.5), 'ms', SPIKE.atRestMs),
    { what: 'flow: POST to webhook at 20 events/s, p99', measured: figure(p99, 'ms'), target: '–' },
  ];
}
