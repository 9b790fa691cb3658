import { Buffer } from 'node:buffer';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { Sealer } from '../domain/ports.ts';

const VERSION = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** How long a sealing key is. */
export const KEY_BYTES = 32;

/**
 * Seals with AES-256-GCM as `v1:{key}:{iv}:{ciphertext and tag}`: what is sealed names its key, so that a later one can
 * seal while what an earlier one sealed can still be read. `keyOf` is asked for each key once, unless it fails.
 */
export function sealWith(current: string, keyOf: (name: string) => Promise<KeyObject>): Sealer {
  const keys = new Map<string, Promise<KeyObject>>();
  const cached = (name: string): Promise<KeyObject> => {
    const known = keys.get(name);
    if (known) return known;
    const asked = keyOf(name);
    keys.set(name, asked);
    asked.catch(() => keys.delete(name));
    return asked;
  };
  const derived = new Map<string, Promise<Buffer>>();
  return {
    seal: async (secret) => encrypt(await cached(current), current, secret),
    async unseal(sealed) {
      const [version, name, iv, box, ...rest] = sealed.split(':');
      const whole = version === VERSION && name && /^[\w.-]+$/.test(name) && iv && box && rest.length === 0;
      if (!whole) throw new Error('This was not sealed by this mesh');
      return decrypt(await cached(name), name, bytesOf(iv), bytesOf(box));
    },
    derive(purpose) {
      const known = derived.get(purpose);
      if (known) return known;
      const made = cached(current).then((key) => derivedFrom(key, purpose));
      derived.set(purpose, made);
      made.catch(() => derived.delete(purpose));
      return made;
    },
  };
}

function derivedFrom(key: KeyObject, purpose: string): Buffer {
  // HKDF takes 1 KiB of info at most; a purpose may be longer.
  const info = createHash('sha256').update(`maille:derive:${purpose}`).digest();
  return Buffer.from(hkdfSync('sha256', key, '', info, KEY_BYTES));
}

/** Only the one spelling of the bytes: base64 has bits at its end that stand for nothing. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw new Error('This was not sealed by this mesh');
  return bytes;
}

const additional = (name: string): Buffer => Buffer.from(`maille:${VERSION}:${name}`);

function encrypt(key: KeyObject, name: string, secret: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(additional(name));
  const box = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return [VERSION, name, iv.toString('base64url'), box.toString('base64url')].join(':');
}

function decrypt(key: KeyObject, name: string, iv: Buffer, box: Buffer): string {
  if (iv.length !== IV_BYTES || box.length < TAG_BYTES) throw new Error('This was not sealed by this mesh');
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(additional(name)).setAuthTag(box.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(box.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
}
