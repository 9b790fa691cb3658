import { GetParameterCommand, ParameterAlreadyExists, ParameterNotFound, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHash, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import type { Sealer } from '../../domain/ports.ts';

const VERSION = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/**
 * Seals with AES-256-GCM under a key kept in an SSM SecureString, made at first use. `parameter` is the key's path;
 * its last part names the key in what it seals (`v1:{key}:{iv}:{ciphertext and tag}`), so that a later key can
 * seal while what an earlier one sealed, kept beside it, can still be read.
 */
export function parameterSealer({ client, parameter }: { client: SSMClient; parameter: string }): Sealer {
  const cut = parameter.lastIndexOf('/') + 1;
  const folder = parameter.slice(0, cut);
  const current = parameter.slice(cut);
  const keys = new Map<string, Promise<KeyObject>>();

  const keyOf = (name: string): Promise<KeyObject> => {
    const known = keys.get(name);
    if (known) return known;
    const path = folder + name;
    const fetched = name === current ? readOrMakeKey(client, path) : readKey(client, path);
    keys.set(name, fetched);
    fetched.catch(() => keys.delete(name));
    return fetched;
  };

  return {
    seal: async (secret) => encrypt(await keyOf(current), current, secret),
    async unseal(sealed) {
      const [version, name, iv, box, ...rest] = sealed.split(':');
      const whole = version === VERSION && name && /^[\w.-]+$/.test(name) && iv && box && rest.length === 0;
      if (!whole) throw new Error('This was not sealed by this mesh');
      return decrypt(await keyOf(name), name, Buffer.from(iv, 'base64url'), Buffer.from(box, 'base64url'));
    },
    async derive(purpose) {
      const info = `maille:derive:${purpose}`;
      return Buffer.from(hkdfSync('sha256', await keyOf(current), '', createHash('sha256').update(info).digest(), KEY_BYTES));
    },
  };
}

async function readOrMakeKey(client: SSMClient, path: string): Promise<KeyObject> {
  try {
    return await readKey(client, path);
  } catch (error) {
    if (!(error instanceof ParameterNotFound)) throw error;
  }
  const Value = randomBytes(KEY_BYTES).toString('base64');
  try {
    await client.send(new PutParameterCommand({ Name: path, Type: 'SecureString', Value, Overwrite: false }));
  } catch (error) {
    if (!(error instanceof ParameterAlreadyExists)) throw error;
  }
  // Read again even by who made it: what counts is what is stored.
  return readKey(client, path);
}

async function readKey(client: SSMClient, path: string): Promise<KeyObject> {
  const { Parameter } = await client.send(new GetParameterCommand({ Name: path, WithDecryption: true }));
  const key = Buffer.from(Parameter?.Value ?? '', 'base64');
  if (key.length !== KEY_BYTES) throw new Error(`The sealing key at ${path} is not the base64 of 32 bytes`);
  return createSecretKey(key);
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
