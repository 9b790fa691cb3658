import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ProblemError } from '../../schemas/problem.ts';
import type { Sealer } from '../ports.ts';

const SEQUENCE = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Writes and reads the cursors of one list: sealed, since the mesh's own number of an event may be what a contract hides. */
export async function cursors(sealer: Pick<Sealer, 'derive'>, list: string) {
  const key = await sealer.derive('history cursors');
  return {
    write(sequence: string): string {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(list));
      const box = [cipher.update(sequence, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat([iv, ...box]).toString('base64url');
    },
    /** The sequence that a cursor names; throws the problem of one that this list has not given. */
    read(cursor: string): string {
      const bytes = Buffer.from(cursor, 'base64url');
      try {
        const iv = bytes.subarray(0, IV_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
        decipher.setAAD(Buffer.from(list)).setAuthTag(bytes.subarray(-TAG_BYTES));
        const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
        if (SEQUENCE.test(text.toString())) return text.toString();
      } catch {
        // Whatever is wrong with it, it is none of ours.
      }
      throw new ProblemError('not-parseable', 'cursor is not one that this list has given', {
        errors: [{ path: '/cursor', message: 'must be the `next` of the page before' }],
      });
    },
  };
}
