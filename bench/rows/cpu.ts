import { compare, inTurn, median } from '../measure.ts';
import { bundled } from '../processes.ts';
import { type Bench, figure, mostRow, ratioRow } from '../row.ts';
import type { SideTask } from '../side.ts';
import type { Hot } from '../invocations.ts';

const side = (name: Hot, events: number, folder?: 'floors'): SideTask => ({
  bundle: bundled(name, folder).path,
  name,
  events,
  asText: false,
});

/** What the handler of `publish` costs above what any writer of this ledger must do. */
export const publishCpu: Bench = {
  name: 'publish',
  tells: 'CPU per event of publish in batches of 500, against a bare script',
  async run(context) {
    const sides = [side('publish', 500), side('publish', 500, 'floors')];
    const amount = { warmUp: 4, blocks: 15, invocations: 16 };
    const [measured = [], floor = []] = await inTurn(await context.world(), sides, amount);
    return [ratioRow('publish: CPU per event, batches of 500', compare(measured, floor), 'µs', 1.5)];
  },
};

/** What the handler of `deliver` costs above what any sender of these webhooks must do. */
export const deliverCpu: Bench = {
  name: 'deliver',
  tells: 'CPU per event of deliver in batches of 10, against a bare script',
  async run(context) {
    const sides = [side('deliver', 10), side('deliver', 10, 'floors')];
    const amount = { warmUp: 4, blocks: 15, invocations: 60 };
    const [measured = [], floor = []] = await inTurn(await context.world(), sides, amount);
    return [ratioRow('deliver: CPU per event, batches of 10', compare(measured, floor), 'µs', 1.5)];
  },
};

// Long enough to be compiled as a function is that has run for a minute, short enough to fall between disturbances.
const PATH = [
  { name: 'publish', events: 100, amount: { warmUp: 15, blocks: 40, invocations: 20 } },
  { name: 'route', events: 100, amount: { warmUp: 15, blocks: 40, invocations: 20 } },
  { name: 'deliver', events: 10, amount: { warmUp: 25, blocks: 60, invocations: 100 } },
] as const;

/**
 * The whole path, with what Lambda's runtime does to hand over invocations and answers, beside the bare scripts of its
 * three steps. Its limit is a figure, not a ratio, and whatever else runs on a machine only ever adds: so it is the least
 * of many blocks, as `timeit` of Python argues. The median, which is what it cost today, is told too.
 */
export const pathCpu: Bench = {
  name: 'path',
  tells: 'CPU per event of publish, route and deliver together, at fan-out 1',
  async run(context) {
    const world = await context.world();
    let [measured, floor, usual] = [0, 0, 0];
    const parts: string[] = [];
    for (const { name, events, amount } of PATH) {
      const sides = [side(name, events), side(name, events, 'floors')];
      const both = await inTurn(
        world,
        sides.map((one) => ({ ...one, asText: true })),
        amount,
      );
      const [own = 0, bare = 0] = both.map((series) => Math.min(...series));
      measured += own / 1000;
      floor += bare / 1000;
      usual += median(both[0] ?? []) / 1000;
      parts.push(`${name} ${own.toFixed(0)} µs`);
    }
    const what = `whole path: CPU per event, batches of 100 (${parts.join(', ')}; the median of all blocks ${figure(usual, 'ms')})`;
    return [
      {
        ...mostRow(what, measured, 'ms', 0.4),
        floor: figure(floor, 'ms'),
        ratio: `${(measured / floor).toFixed(2)}×`,
      },
    ];
  },
};
