import fc from 'fast-check';
import { expect, it } from 'vitest';
import { roundValue } from '../../../domain/deliver/round.ts';

const steps = fc.constantFrom(0.001, 0.05, 0.1, 0.125, 0.3, 1, 2.5, 5, 7, 500, 1e6, 1e-13, 1e13);

it('a number becomes the nearest multiple, as it is written in decimal', () => {
  fc.assert(
    // Of larger ones, a multiple of the smaller steps would need more than the twelve digits.
    fc.property(fc.double({ noNaN: true, min: -1e8, max: 1e8 }), steps, (value, step) => {
      const plain = Number((Math.round(value / step) * step).toPrecision(12));
      expect(roundValue(value, step, false)).toBe(plain + 0);
    }),
    { numRuns: 2000 },
  );
});
