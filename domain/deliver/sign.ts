import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  sign,
  type KeyObject,
} from 'node:crypto';
import type { Sealer, SigningKeys } from '../ports.ts';

const PREFIX = 'whsec_';
const keys = new Map<string, KeyObject>();

/** Whether a text is a Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes. */
export function isSecret(text: string): boolean {
  const bytes = text.startsWith(PREFIX) ? Buffer.from(text.slice(PREFIX.length), 'base64').length : 0;
  return bytes >= 24 && bytes <= 64;
}

/**
 * The `webhook-signature` of one attempt (Standard Webhooks 1.0.0, "Signature scheme"): of id, Unix seconds and raw
 * body, joined by full stops, `v1,` and the base64 HMAC-SHA256 by each secret, and `v1a,` and the ed25519 signature.
 */
export function signatures(
  { secrets, source }: SigningKeys,
  id: string,
  timestamp: number,
  body: string | Buffer,
): string {
  const head = `${id}.${timestamp}.`;
  const all = secrets.map((secret) => {
    const mac = createHmac('sha256', keyOf(secret)).update(head).update(body);
    return `v1,${mac.digest('base64')}`;
  });
  if (source) {
    const content = Buffer.concat([Buffer.from(head), typeof body === 'string' ? Buffer.from(body) : body]);
    all.push(`v1a,${sign(null, content, source).toString('base64')}`);
  }
  return all.join(' ');
}

/** What stands before a seed in the PKCS #8 of an ed25519 key (RFC 8410 section 7). */
const SEED_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const sourceKeys = new WeakMap<Buffer, KeyObject>();

/** The ed25519 key by which the mesh signs as itself, of 32 bytes that are its seed. */
export function sourceKeyOf(seed: Buffer): KeyObject {
  const known = sourceKeys.get(seed);
  if (known) return known;
  const key = createPrivateKey({ key: Buffer.concat([SEED_HEAD, seed]), format: 'der', type: 'pkcs8' });
  sourceKeys.set(seed, key);
  return key;
}

/** The territory's own signing key: derived from its sealing key, and so stored nowhere. */
export const sourceKey = async (sealer: Pick<Sealer, 'derive'>): Promise<KeyObject> =>
  sourceKeyOf(await sealer.derive('webhook-source'));

/** The public half of a source key, as Standard Webhooks writes it and as a JWK (RFC 8037). */
export interface PublishedKey {
  /** The JWK's thumbprint (RFC 7638). */
  id: string;
  /** `whpk_` and the base64 of its 32 bytes. */
  key: string;
  jwk: { kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string; use: 'sig'; alg: 'EdDSA' };
}

/** What others verify by. */
export function publishedKey(key: KeyObject): PublishedKey {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const id = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
  return {
    id,
    key: `whpk_${Buffer.from(x, 'base64url').toString('base64')}`,
    jwk: { kty: 'OKP', crv: 'Ed25519', x, kid: id, use: 'sig', alg: 'EdDSA' },
  };
}

/** A KeyObject signs five times as fast as a Buffer; kept for as many secrets as one function meets. */
function keyOf(secret: string): KeyObject {
  const known = keys.get(secret);
  if (known) return known;
  if (!isSecret(secret)) throw new Error('a webhook secret is whsec_ and the base64 of 24 to 64 bytes');
  const key = createSecretKey(Buffer.from(secret.slice(PREFIX.length), 'base64'));
  if (keys.size >= 1000) keys.clear();
  keys.set(secret, key);
  return key;
}
