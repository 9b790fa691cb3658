import { emptyInvocation, type Hot, invocation } from '../invocations.ts';
import { compare, type Comparison, median } from '../measure.ts';
import { ask, bundled, start, stop, type World } from '../processes.ts';
import { type Bench, figure, ratioRow, type Row } from '../row.ts';

const HOT: readonly Hot[] = ['publish', 'route', 'deliver'];
const STARTS = 15;

/** How long a fresh process takes to load a function and to answer its first, empty invocation. */
export const coldStarts: Bench = {
  name: 'cold',
  tells: 'cold starts of the hot functions, against an empty handler with the same SDK clients',
  async run(context) {
    const world = await context.world();
    const rows: Row[] = [];
    for (const name of HOT) {
      const both = [bundled(name).path, bundled(name, 'empty').path] as const;
      const comparison = await inTurn(world, both, JSON.stringify(emptyInvocation(name)));
      rows.push(
        ratioRow(
          `cold start: ${name}, CPU (${figure(comparison.clockMs)} ms on the clock)`,
          comparison,
          'ms',
          1.5,
        ),
      );
    }
    rows.push(await firstEvent(world));
    return rows;
  },
};

/** What a publisher waits for: the schema read and compiled too, and the event kept. Its floor does so as well. */
async function firstEvent(world: World): Promise<Row> {
  const both = [bundled('publish').path, bundled('publish', 'floors').path] as const;
  const comparison = await inTurn(world, both, JSON.stringify(invocation('publish', 1)));
  const what = `cold start: publish, until its first event is accepted, CPU (${figure(comparison.clockMs)} ms on the clock)`;
  return { ...ratioRow(what, comparison, 'ms', 1.5), target: '–', met: undefined };
}

/** What one cold start took. */
interface Took {
  cpuMs: number;
  clockMs: number;
}

/** The CPU of the two bundles' cold starts, in turn, and how long the first one's took on the clock. */
async function inTurn(
  world: World,
  bundles: readonly [string, string],
  given: string,
): Promise<Comparison & { clockMs: number }> {
  const took: [Took, Took][] = [];
  // One more than counts: the first of all reads its files from the disk.
  for (let count = 0; count <= STARTS; count += 1) {
    took.push([await coldStart(world, bundles[0], given), await coldStart(world, bundles[1], given)]);
  }
  const counted = took.slice(1);
  const [measured, floor] = ([0, 1] as const).map((side) => counted.map((both) => both[side].cpuMs));
  return { ...compare(measured ?? [], floor ?? []), clockMs: median(counted.map(([one]) => one.clockMs)) };
}

async function coldStart(world: World, bundle: string, given: string): Promise<Took> {
  const child = start('cold.ts', [bundle, given], world.env);
  const took = await ask<Took>(child);
  await stop(child);
  return took;
}
