import { bundle } from '../../infra/bundle.ts';
import { FUNCTIONS } from '../../infra/names.ts';
import type { Bench, Row } from '../row.ts';

const HOT: readonly string[] = ['publish', 'route', 'deliver'];
const MOST_KB = 600;

/** How large the functions are: what a start loads, and what stands beside it until it is needed. */
export const bundleSizes: Bench = {
  name: 'bundles',
  tells: 'the size of each function, minified, without a source map',
  run: () => Promise.resolve(FUNCTIONS.map(sizeOf)),
};

function sizeOf(name: (typeof FUNCTIONS)[number]): Row {
  const { 'index.mjs': main, ...later } = bundle(name);
  const kb = (main?.length ?? 0) / 1000;
  const beside = Object.entries(later).map(
    ([path, { length }]) => `${path.split('/')[1]} ${(length / 1000).toFixed(0)} KB`,
  );
  const hot = HOT.includes(name);
  return {
    what: `bundle: ${name}${beside.length > 0 ? ` (loaded on the first pattern: ${beside.join(', ')})` : ''}`,
    measured: `${kb.toFixed(0)} KB`,
    target: hot ? `≤ ${MOST_KB} KB` : '–',
    met: hot ? kb <= MOST_KB : undefined,
  };
}
