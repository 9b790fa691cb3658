import {
  GetParameterCommand,
  ParameterAlreadyExists,
  ParameterNotFound,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { Buffer } from 'node:buffer';
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Sealer } from '../../domain/ports.ts';
import { KEY_BYTES, sealWith } from '../sealing.ts';

/**
 * Seals under a key kept in an SSM SecureString, made when it is first sealed with. `parameter` is the key's path; its
 * last part is the key's name, and earlier keys stay beside it.
 */
export function parameterSealer({ client, parameter }: { client: SSMClient; parameter: string }): Sealer {
  const cut = parameter.lastIndexOf('/') + 1;
  const folder = parameter.slice(0, cut);
  const current = parameter.slice(cut);
  return sealWith(current, (name) =>
    name === current ? readOrMakeKey(client, parameter) : readKey(client, folder + name),
  );
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
