import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Sealer } from './ports.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Writes and reads texts that only the mesh can read, never the same twice, fit for a URL. */
export interface SealedTexts {
  write(text: string, place?: string): string;
  /** Undefined for what was not written here, or for another place. */
  read(sealed: string, place?: string): string | undefined;
}

/** Sealed texts for one purpose. */
export async function sealedTexts(sealer: Pick<Sealer, 'derive'>, purpose: string): Promise<SealedTexts> {
  const key = await sealer.derive(purpose);
  return {
    write(text, place = '') {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(place));
      const box = [cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat([iv, ...box]).toString('base64url');
    },
    read(sealed, place = '') {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const text = [decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()];
        return Buffer.concat(text).toString();
      } catch {
        return undefined;
      }
    },
  };
}
