import { compare, inTurn } from '../measure.ts';
import { bundled } from '../processes.ts';
import { type Bench, figure, type Row } from '../row.ts';

const LEAST = 0.5;

/** How many deliveries a core makes in a second, against a loop that does nothing but `POST`. */
export const deliverRate: Bench = {
  name: 'rate',
  tells: 'deliveries that one core makes in a second, against a bare loop of POST over kept connections',
  async run(context) {
    const both = { name: 'deliver', events: 10, asText: false } as const;
    const sides = [
      { ...both, bundle: bundled('deliver').path },
      { ...both, bundle: bundled('deliver', 'floors').path },
      { ...both, bundle: bundled('deliver', 'bare').path },
    ];
    const amount = { warmUp: 4, blocks: 15, invocations: 60 };
    const [ours = [], script = [], bare = []] = await inTurn(await context.world(), sides, amount);
    return [
      rateRow('deliver: deliveries of one core, against a bare loop of POST', [ours, bare], LEAST),
      rateRow('a bare script of its steps, against the same loop (decision 0032)', [script, bare]),
    ];
  },
};

function rateRow(what: string, [measured, floor]: [number[], number[]], least?: number): Row {
  // CPU per event the other way round: a core that does nothing else is busy for a second.
  const rateOf = (microseconds: number[]): number[] => microseconds.map((each) => 1e6 / each);
  const rates = compare(rateOf(measured), rateOf(floor));
  return {
    what,
    measured: figure(rates.measured, 'deliveries/s'),
    floor: figure(rates.floor, 'requests/s'),
    ratio: `${rates.ratio.toFixed(2)}×`,
    target: least === undefined ? '–' : `≥ ${least}×`,
    ...(least !== undefined && { met: rates.ratio >= least }),
  };
}
