import { expect, it } from 'vitest';
import { AT_MOST_MS } from '../../domain/clock/tick.ts';
import { synthesised } from './synthesised.ts';

const { mesh } = synthesised('la-rochelle');
/** What the longest single step takes: a receiver that answers at the last moment. */
const LONGEST_STEP_MS = 15_000;

it('the clock has time for all that its parts may take, one step more, and what has no bound of its own', () => {
  const [clock] = Object.values(mesh.findResources('AWS::Lambda::Function')).filter(({ Properties }) =>
    String(Properties.FunctionName).endsWith('clock'),
  );
  const parts = Object.values(AT_MOST_MS).reduce((sum, ms) => sum + ms, 0);
  expect(clock?.['Properties'].Timeout * 1000 - parts - LONGEST_STEP_MS).toBeGreaterThanOrEqual(30_000);
});
