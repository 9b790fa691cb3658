import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { FUNCTIONS } from '../../infra/names.ts';
import { publisher } from '../load.ts';
import { median } from '../measure.ts';
import { inOwnMesh, type Mesh } from '../mesh.ts';
import { openSink } from '../processes.ts';
import { type Bench, circumstances, figure, type Row, tableOf, type Told } from '../row.ts';

const FAN_OUT = 3;
const BATCH = 100;
/** How much may be under way, so that the engine's queue stays short and memory is that of a steady flow. */
const MOST_UNDER_WAY = 3000;
/** A careful publisher sends again what was answered with 503. */
const TRIES = 60;
const SAMPLE_MS = 2000;
const QUIET_MS = 240_000;
/** How much larger the last quarter of the samples may be than the second. */
const MOST_GROWTH = 1.1;

/** The resident memory of a function's processes at an instant: the largest of them, in MB. */
interface Sample {
  delivered: number;
  mb: Map<string, number>;
}

/** A long steady flow: nothing lost, and no function that grows. */
export const soak: Bench = {
  name: 'soak',
  tells: 'a long flow at fan-out 3 (--events 100000): nothing lost, memory flat; runs only when it is named',
  onlyNamed: true,
  async run(context) {
    const events = context.events ?? 100_000;
    const { seen, samples, seconds } = await inOwnMesh((mesh) => soaked(mesh, events));
    const wanted = events * FAN_OUT;
    const rows: Row[] = [
      {
        what: `soak: ${events} events at fan-out ${FAN_OUT}, ${figure(wanted / seconds)} deliveries/s, ${seen.received - seen.distinct} came twice`,
        measured: `${wanted - seen.distinct} lost`,
        target: '0 lost',
        met: seen.distinct === wanted,
      },
      ...memoryRows(samples),
    ];
    const again = `npm run bench -- --only soak --events ${events}`;
    await context.keep('soak', pageOf(rows.map((row) => ({ ...row, again: `\`${again}\`` }))));
    return rows;
  },
};

async function soaked(mesh: Mesh, events: number) {
  const sink = await openSink();
  for (let at = 0; at < FAN_OUT; at += 1) await mesh.subscribe(`${sink}/soak-${at}`, ['soak']);
  await mesh.tick(60);
  const begun = performance.now();
  const flowed = await flow(mesh, sink, events);
  return { ...flowed, seconds: (performance.now() - begun) / 1000 };
}

const pageOf = (rows: Told[]): string => `# A long flow

Written by \`npm run bench -- --only soak\`: ${circumstances(new Date())}. Published in batches of ${BATCH}, with at most
${MOST_UNDER_WAY} deliveries under way; the memory of a function is that of its largest process, sampled each
${SAMPLE_MS / 1000} s.

${tableOf(rows)}
`;

interface Seen {
  received: number;
  distinct: number;
}

async function flow(mesh: Mesh, sink: string, events: number): Promise<{ seen: Seen; samples: Sample[] }> {
  const { send, close } = publisher(mesh);
  const samples: Sample[] = [];
  let published = 0;
  let [seen, quietSince] = [await countAt(sink), Date.now()];
  let sampledAt = 0;
  while (seen.distinct < events * FAN_OUT && Date.now() - quietSince < QUIET_MS) {
    if (published < events && published * FAN_OUT - seen.distinct < MOST_UNDER_WAY) {
      await send(BATCH, 'soak', undefined, TRIES);
      published += BATCH;
    } else await sleep(50);
    const now = await countAt(sink);
    if (now.distinct !== seen.distinct) quietSince = Date.now();
    seen = now;
    if (Date.now() - sampledAt < SAMPLE_MS) continue;
    sampledAt = Date.now();
    samples.push({ delivered: seen.distinct, mb: memoryOf(mesh) });
  }
  close();
  return { seen, samples };
}

const countAt = async (sink: string): Promise<Seen> => (await (await fetch(`${sink}/count`)).json()) as Seen; // the sink answers so

/** The engine runs each function in processes whose script lies in a folder named after it, below the engine's own. */
function memoryOf({ engine, names }: Mesh): Map<string, number> {
  const folder = `engine-${new URL(engine.endpoint).port}/`;
  const lines = execFileSync('ps', ['-A', '-o', 'rss=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(folder));
  const found = new Map<string, number>();
  for (const name of FUNCTIONS) {
    const own = lines.filter((line) => line.includes(`ministack-lambda-${names.function(name)}-`));
    if (own.length > 0)
      found.set(name, Math.max(...own.map((line) => Number.parseInt(line.trim(), 10) / 1024)));
  }
  return found;
}

function memoryRows(samples: Sample[]): Row[] {
  const quarter = (nth: number): Sample[] =>
    samples.slice((samples.length * (nth - 1)) / 4, (samples.length * nth) / 4);
  return ['publish', 'route', 'deliver'].map((name) => {
    const series = (some: Sample[]): number[] => some.flatMap(({ mb }) => mb.get(name) ?? []);
    const [second, last] = [median(series(quarter(2))), median(series(quarter(4)))];
    const slope = slopeOf(
      samples.slice(samples.length / 4).flatMap(({ delivered, mb }) => {
        const value = mb.get(name);
        return value === undefined ? [] : [[delivered / 10_000, value] as const];
      }),
    );
    return {
      what: `soak: memory of ${name}, last quarter against the second (slope ${slope.toFixed(2)} MB per 10 000 deliveries)`,
      measured: figure(last, 'MB'),
      floor: figure(second, 'MB'),
      ratio: `${(last / second).toFixed(2)}×`,
      target: `≤ ${MOST_GROWTH}×`,
      met: last / second <= MOST_GROWTH,
    };
  });
}

/** The slope of the line that lies nearest to the points (least squares). */
function slopeOf(points: (readonly [number, number])[]): number {
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const across = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  return across / points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
}
