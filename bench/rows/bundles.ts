import { bundle, loadedAtStart } from '../../infra/bundle.ts';
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
  const all = bundle(name);
  const files = Object.entries(all);
  const atStart = new Set(loadedAtStart(all));
  const kb = (some: typeof files): number => some.reduce((sum, [, { length }]) => sum + length, 0) / 1000;
  const later = files.filter(([path]) => !atStart.has(path));
  const apart =
    later.length > 0 ? ` (of which ${kb(later).toFixed(0)} KB are loaded at their first use)` : '';
  const hot = HOT.includes(name);
  return {
    what: `bundle: ${name}${apart}`,
    measured: `${kb(files).toFixed(0)} KB`,
    target: hot ? `≤ ${MOST_KB} KB` : '–',
    met: hot ? kb(files) <= MOST_KB : undefined,
  };
}
