import { ProblemError } from '../../schemas/problem.ts';
import type { Sealer } from '../ports.ts';
import { sealedTexts } from '../sealed-text.ts';

/** Writes and reads the cursors of one list: sealed, since the mesh's own number of an event may be what a contract hides. */
export async function cursors(sealer: Pick<Sealer, 'derive'>, list: string) {
  const texts = await sealedTexts(sealer, 'history cursors');
  return {
    write: (sequence: string): string => texts.write(sequence, list),
    /** The sequence that a cursor names; throws the problem of one that this list has not given. */
    read(cursor: string): string {
      const sequence = texts.read(cursor, list);
      if (sequence !== undefined) return sequence;
      throw new ProblemError('not-parseable', 'cursor is not one that this list has given', {
        errors: [{ path: '/cursor', message: 'must be the `next` of the page before' }],
      });
    },
  };
}
