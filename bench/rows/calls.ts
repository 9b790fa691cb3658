import type { Hot } from '../invocations.ts';
import { flood } from '../load.ts';
import { inOwnMesh, type Mesh } from '../mesh.ts';
import { pointAt } from '../pointing.ts';
import { ask, openSink, start } from '../processes.ts';
import { type Bench, mostRow, type Row } from '../row.ts';

const HOT: readonly Hot[] = ['publish', 'route', 'deliver'];
const BATCHES = 20;
const EVENTS = BATCHES * 100;
const FAN_OUT = 10;
/** How many subscriptions are added that do not match, and by how much the calls may grow for it: batches vary. */
const OTHERS = 100;
const MOST_GROWTH = 1.1;
const LIMITS = {
  publish: { most: 0.03, what: 'AWS calls before the 202', per: 'calls per event' },
  route: { most: 0.12, what: 'AWS calls in route', per: 'calls per event' },
  deliver: { most: 0.25, what: 'AWS calls in deliver', per: 'calls per delivery' },
};

/** How often each function made each call. */
type Counts = Map<Hot, Record<string, number>>;

/** Counts what the functions say to AWS, on the wire between them and the engine. */
export const wireCalls: Bench = {
  name: 'calls',
  tells: 'AWS calls per event, counted between the functions and the local engine, in batches of 100',
  run: () => inOwnMesh(measured),
};

async function measured(mesh: Mesh): Promise<Row[]> {
  const sink = await openSink();
  await mesh.subscribe(`${sink}/calls`, ['calls', 'calls-10']);
  await mesh.tick(60);
  const counters = new Map<Hot, string>();
  for (const name of HOT) counters.set(name, await countedAt(mesh, name));
  const counted = async (subject: string, fanOut: number, batches = BATCHES): Promise<Counts> => {
    await flood(mesh, sink, { subject, fanOut, batches: 2 });
    await countsOf(counters);
    await flood(mesh, sink, { subject, fanOut, batches });
    return countsOf(counters);
  };
  const alone = await counted('calls', 1);
  for (let at = 1; at < FAN_OUT; at += 1) await mesh.subscribe(`${sink}/calls-${at}`, ['calls-10']);
  await mesh.tick(60);
  const ten = await counted('calls-10', FAN_OUT, BATCHES / 4);
  for (let at = 0; at < OTHERS; at += 1) await mesh.subscribe(`${sink}/none`, [`nobody-publishes-${at}`]);
  await mesh.tick(60);
  const among = await counted('calls', 1);
  return [...[...alone].map(([name, calls]) => rowOf(name, calls)), fanOutRow(ten), growthRow(alone, among)];
}

const sumOf = (calls: Record<string, number> = {}): number =>
  Object.values(calls).reduce((sum, one) => sum + one, 0);
const listed = (calls: Record<string, number> = {}): string =>
  Object.entries(calls)
    .map(([operation, count]) => `${operation} ${count}`)
    .join(', ');

function rowOf(name: Hot, calls: Record<string, number>): Row {
  const { most, what, per } = LIMITS[name];
  return mostRow(`${what} (of ${EVENTS}: ${listed(calls)})`, sumOf(calls) / EVENTS, per, most);
}

function fanOutRow(counts: Counts): Row {
  const calls = counts.get('deliver');
  const deliveries = (EVENTS / 4) * FAN_OUT;
  const { most, what, per } = LIMITS.deliver;
  const told = `${what} at fan-out ${FAN_OUT} (of ${deliveries}: ${listed(calls)})`;
  return mostRow(told, sumOf(calls) / deliveries, per, most);
}

function growthRow(alone: Counts, among: Counts): Row {
  const all = (counts: Counts): number => [...counts.values()].reduce((sum, calls) => sum + sumOf(calls), 0);
  const ratio = all(among) / all(alone);
  return {
    what: `AWS calls of all three with ${OTHERS} more subscriptions that do not match`,
    measured: `${all(among)} calls`,
    floor: `${all(alone)} calls`,
    ratio: `${ratio.toFixed(2)}×`,
    target: `≤ ${MOST_GROWTH}×`,
    met: ratio <= MOST_GROWTH,
  };
}

/** Puts a counter between a function and the engine; answers its address. */
async function countedAt(mesh: Mesh, name: Hot): Promise<string> {
  const { url } = await ask<{ url: string }>(start('counting-proxy.ts', [mesh.engine.endpoint]));
  await pointAt(mesh, name, url);
  return url;
}

/** What was counted since this was last asked. */
async function countsOf(counters: Map<Hot, string>): Promise<Counts> {
  const counts: Counts = new Map();
  for (const [name, url] of counters) {
    // Safe: the counter answers its counts.
    counts.set(name, (await (await fetch(`${url}/calls`)).json()) as Record<string, number>);
  }
  return counts;
}
