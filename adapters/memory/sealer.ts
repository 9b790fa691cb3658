import { createSecretKey, randomBytes } from 'node:crypto';
import type { Sealer } from '../../domain/ports.ts';
import { KEY_BYTES, sealWith } from '../sealing.ts';

/** Seals under a key that lives as long as the process. */
export function memorySealer(): Sealer {
  const key = createSecretKey(randomBytes(KEY_BYTES));
  return sealWith('1', async (name) => {
    if (name !== '1') throw new Error(`There is no sealing key ${name}`);
    return key;
  });
}
