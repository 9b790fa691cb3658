import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, it } from 'vitest';
import { memorySealer } from '../../adapters/memory/sealer.ts';
import { parameterSealer } from '../../adapters/ssm/sealer.ts';
import type { Sealer } from '../../domain/ports.ts';
import { engine, uniqueName } from './given-engine.ts';

const path = () => `/${uniqueName('maille')}/sealing-key/1`;
const makers: Record<string, () => Sealer> = {
  memory: () => memorySealer(),
  aws: () => parameterSealer({ client: new SSMClient(engine()), parameter: path() }),
};

describe.each(Object.keys(makers))('sealer: %s', (name) => {
  const given = (): Sealer => {
    const make = makers[name];
    if (!make) throw new Error(`no maker ${name}`);
    return make();
  };

  it('unseals what it sealed; a seal shows nothing and is never the same', async () => {
    const sealer = given();
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw é';
    const [one, two] = [await sealer.seal(secret), await sealer.seal(secret)];
    expect(one).not.toBe(two);
    expect(one).toMatch(/^v1:1:[\w-]{16}:[\w-]+$/);
    expect(Buffer.from(one.split(':')[3] ?? '', 'base64url').toString('latin1')).not.toContain('whsec');
    expect([await sealer.unseal(one), await sealer.unseal(two)]).toEqual([secret, secret]);
    expect(await sealer.unseal(await sealer.seal(''))).toBe('');
  });

  it('refuses what was changed anywhere, or never sealed', async () => {
    const sealer = given();
    const sealed = await sealer.seal('secret');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
      await expect(sealer.unseal(changed), `changed at ${at}`).rejects.toThrow();
    }
    for (const other of ['', 'secret', 'v1:1::', 'v1:../1:a:b', `${sealed}:`, sealed.slice(0, -8)]) {
      await expect(sealer.unseal(other), other).rejects.toThrow();
    }
  });

  it('derives 32 bytes for a purpose: the same ones each time, others for another', async () => {
    const sealer = given();
    const [one, again, other] = [
      await sealer.derive('a'),
      await sealer.derive('a'),
      await sealer.derive('b'),
    ];
    expect(one).toHaveLength(32);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('another key unseals nothing', async () => {
    const sealed = await given().seal('secret');
    await expect(given().unseal(sealed)).rejects.toThrow();
  });
});

describe('on AWS alone', () => {
  it('makes its key once, however many begin at the same time', async () => {
    const parameter = path();
    const client = new SSMClient(engine());
    const sealers = Array.from({ length: 8 }, () => parameterSealer({ client, parameter }));
    const sealed = await Promise.all(sealers.map((sealer, index) => sealer.seal(`secret ${index}`)));
    const fresh = parameterSealer({ client, parameter });
    expect(await Promise.all(sealed.map((one) => fresh.unseal(one)))).toEqual(
      sealers.map((_, index) => `secret ${index}`),
    );
    const { Parameter } = await client.send(new GetParameterCommand({ Name: parameter }));
    expect(Parameter?.Type).toBe('SecureString');
  });

  it('still unseals by an earlier key once a later one seals; unsealing makes no key', async () => {
    const first = path();
    const client = new SSMClient(engine());
    const sealed = await parameterSealer({ client, parameter: first }).seal('secret');
    const later = parameterSealer({ client, parameter: first.replace(/1$/, '2') });
    expect(await later.seal('x')).toMatch(/^v1:2:/);
    expect(await later.unseal(sealed)).toBe('secret');
    await expect(later.unseal(sealed.replace('v1:1:', 'v1:3:'))).rejects.toThrow();
    const missing = client.send(new GetParameterCommand({ Name: first.replace(/1$/, '3') }));
    await expect(missing).rejects.toThrow();
  });
});
