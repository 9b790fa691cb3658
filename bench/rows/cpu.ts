import { compare, inTurn, median } from '../measure.ts';
import { bundled } from '../processes.ts';
import { type Bench, mostRow, ratioRow } from '../row.ts';
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

const PATH = [
  { name: 'publish', events: 100, invocations: 40 },
  { name: 'route', events: 100, invocations: 20 },
  { name: 'deliver', events: 10, invocations: 60 },
] as const;

/** The whole path, with what Lambda's runtime does to hand over invocations and answers. */
export const pathCpu: Bench = {
  name: 'path',
  tells: 'CPU per event of publish, route and deliver together, at fan-out 1',
  async run(context) {
    const world = await context.world();
    let sum = 0;
    const parts: string[] = [];
    for (const { name, events, invocations } of PATH) {
      const sides = [{ ...side(name, events), asText: true }];
      const [series = []] = await inTurn(world, sides, { warmUp: 4, blocks: 11, invocations });
      sum += median(series);
      parts.push(`${name} ${median(series).toFixed(0)} µs`);
    }
    return [
      mostRow(`whole path: CPU per event, batches of 100 (${parts.join(', ')})`, sum / 1000, 'ms', 0.4),
    ];
  },
};
