import { join } from 'node:path';
import { LOCAL } from '../local/paths.ts';
import { ask, start, stop, type World } from './processes.ts';
import type { Block, SideTask } from './side.ts';

/** The value below which so large a part of the values is: the median with 0.5. */
export function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new Error('there is no quantile of nothing');
  return value;
}

/** The value in the middle, of an odd number of them. */
export const median = (values: number[]): number => quantile(values, 0.5);

/** What two sides cost, and how they compare: the ratio is the median of those of neighbours in time. */
export interface Comparison {
  measured: number;
  floor: number;
  ratio: number;
}

/** Compares two series that were measured in turn. */
export const compare = (measured: number[], floor: number[]): Comparison => ({
  measured: median(measured),
  floor: median(floor),
  ratio: median(measured.map((value, at) => value / (floor[at] ?? Number.NaN))),
});

/** How much is measured: `warmUp` and `blocks` of so many invocations. */
export interface Amount {
  warmUp: number;
  blocks: number;
  invocations: number;
}

/**
 * Each side's CPU per event in microseconds, block by block, the sides in turn: what disturbs one disturbs the others.
 * With `BENCH_PROFILE` set, each side leaves a CPU profile in `.local/bench/profiles`.
 */
export async function inTurn(
  world: World,
  sides: SideTask[],
  { warmUp, blocks, invocations }: Amount,
): Promise<number[][]> {
  const profile = process.env['BENCH_PROFILE']
    ? ['--cpu-prof', '--cpu-prof-dir', join(LOCAL, 'bench/profiles')]
    : [];
  const running = sides.map((side) =>
    start('side.ts', [JSON.stringify(side)], world.env, ['--expose-gc', ...profile]),
  );
  for (const child of running) await ask(child);
  const perEvent: number[][] = sides.map(() => []);
  for (let block = 0; block < warmUp + blocks; block += 1) {
    for (const [side, child] of running.entries()) {
      const { microseconds, events } = await ask<Block>(child, { invocations });
      if (block >= warmUp) perEvent[side]?.push(microseconds / events);
    }
  }
  await Promise.all(running.map(stop));
  return perEvent;
}
