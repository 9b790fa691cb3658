import { emptyInvocation, type Hot } from '../invocations.ts';
import { compare } from '../measure.ts';
import { ask, bundled, start, stop, type World } from '../processes.ts';
import { type Bench, ratioRow, type Row } from '../row.ts';

const HOT: readonly Hot[] = ['publish', 'route', 'deliver'];
const STARTS = 11;

/** How long a fresh process takes to load a function and to answer its first, empty invocation. */
export const coldStarts: Bench = {
  name: 'cold',
  tells: 'cold starts of the hot functions, against an empty handler with the same SDK clients',
  async run(context) {
    const world = await context.world();
    const rows: Row[] = [];
    for (const name of HOT) rows.push(await coldRow(world, name));
    return rows;
  },
};

async function coldRow(world: World, name: Hot): Promise<Row> {
  const [full, empty] = [bundled(name).path, bundled(name, 'empty').path];
  const series: { full: number[]; empty: number[] } = { full: [], empty: [] };
  for (let count = 0; count <= STARTS; count += 1) {
    const took = { full: await coldStart(world, full, name), empty: await coldStart(world, empty, name) };
    if (count === 0) continue; // the files were not yet in memory
    series.full.push(took.full);
    series.empty.push(took.empty);
  }
  return ratioRow(`cold start: ${name}`, compare(series.full, series.empty), 'ms', 1.5);
}

async function coldStart(world: World, bundle: string, name: Hot): Promise<number> {
  const child = start('cold.ts', [bundle, JSON.stringify(emptyInvocation(name))], world.env);
  const took = await ask<number>(child);
  await stop(child);
  return took;
}
