import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Command, commands, known } from './story.ts';
import { tell } from './telling.ts';

/**
 * Nothing accepted is lost, nothing is sent once the contract has stopped, and a delivery has one id: through any order
 * of publishing, duplicates, failing receivers, crashes, terminations and beats of the clock.
 */
test('the promises hold through whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { minLength: 5, maxLength: 40 }), async (story: Command[]) => {
      const told = await tell(story);
      expect(await told.lost(), 'accepted, and nowhere to be found').toEqual([]);
      await told.endsWell();
      expect(await told.undecided(), 'still waiting, although all is well again').toEqual([]);
      expect(await told.late(), 'sent after the contract had stopped').toEqual([]);
      expect(told.renamed(), 'deliveries with several ids').toEqual([]);
      expect(await told.foreign(), 'sent where nothing matches').toEqual([]);
    }),
    { numRuns: 100, examples: known.map((story) => [story]) },
  );
}, 180_000);
