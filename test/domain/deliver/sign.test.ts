import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { isSecret, publishedKey, signatures, sourceKeyOf } from '../../../domain/deliver/sign.ts';

interface Vector {
  name: string;
  secret?: string;
  secret_key?: string;
  public_key?: string;
  msg_id: string;
  timestamp: number;
  payload: string;
  signature: string;
  valid: boolean;
}
const file = new URL('../../fixtures/webhooks/standard-webhooks-vectors.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Vector[] };
const sourceCases = cases.filter(({ secret_key }) => secret_key !== undefined);
/** The seed is the first half of what `whsk_` marks. */
const seedOf = (key: string): Buffer => Buffer.from(key.replace('whsk_', ''), 'base64').subarray(0, 32);
const hmacCases = cases.filter(({ secret }) => secret !== undefined);

describe('signatures', () => {
  it.each(hmacCases)(
    'agrees with the published vector $name',
    ({ secret = '', msg_id, timestamp, payload, signature, valid }) => {
      expect(signatures({ secrets: [secret] }, msg_id, timestamp, payload) === signature).toBe(valid);
    },
  );

  it('are verified by the reference library, with either secret while they rotate', () => {
    const [newer, older] = [24, 64].map(
      (bytes) => `whsec_${Buffer.alloc(bytes, bytes).toString('base64')}`,
    ) as [string, string];
    const now = Math.floor(Date.now() / 1000);
    const headers = {
      'webhook-id': 'dlv_1',
      'webhook-timestamp': String(now),
      'webhook-signature': signatures({ secrets: [newer, older] }, 'dlv_1', now, '{"été":1}'),
    };
    for (const secret of [newer, older])
      expect(new Webhook(secret).verify('{"été":1}', headers)).toEqual({ été: 1 });
    expect(() => new Webhook(newer).verify('{"été":2}', headers)).toThrow();
  });

  it('refuse a secret that is too short to be one', () => {
    expect(isSecret(`whsec_${Buffer.alloc(23).toString('base64')}`)).toBe(false);
    expect(() => signatures({ secrets: ['whsec_AAAA'] }, 'dlv_1', 1, '')).toThrow(/24 to 64 bytes/);
  });
});

describe('signatures by the key of the mesh', () => {
  it('have a published vector', () => expect(sourceCases).toHaveLength(1));

  it.each(sourceCases)(
    'agree with the published vector $name',
    ({ secret_key = '', public_key, msg_id, timestamp, payload, signature }) => {
      const source = sourceKeyOf(seedOf(secret_key));
      expect(signatures({ secrets: [], source }, msg_id, timestamp, payload)).toBe(signature);
      expect(signatures({ secrets: [], source }, msg_id, timestamp, Buffer.from(payload))).toBe(signature);
      expect(publishedKey(source).key).toBe(public_key);
    },
  );

  it('are verified by what is published, and by nothing else than what was signed', () => {
    const source = sourceKeyOf(Buffer.alloc(32, 7));
    const { jwk, key, id } = publishedKey(source);
    const [, signed = ''] = signatures({ secrets: [], source }, 'dlv_1', 5, '{"été":1}').split(',');
    const fromJwk = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    const raw = Buffer.from(key.replace('whpk_', ''), 'base64');
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
    const fromRaw = createPublicKey({ key: der, format: 'der', type: 'spki' });
    for (const known of [fromJwk, fromRaw]) {
      const holds = (content: string) =>
        verify(null, Buffer.from(content), known, Buffer.from(signed, 'base64'));
      expect(holds('dlv_1.5.{"été":1}')).toBe(true);
      expect(holds('dlv_1.6.{"été":1}')).toBe(false);
    }
    expect(id).toBe(jwk.kid);
  });

  it('are passed over by the reference library, which knows v1 alone', () => {
    const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
    const now = Math.floor(Date.now() / 1000);
    const both = signatures({ secrets: [secret], source: sourceKeyOf(Buffer.alloc(32)) }, 'dlv_1', now, '{}');
    const headersWith = (signature: string) => ({
      'webhook-id': 'dlv_1',
      'webhook-timestamp': String(now),
      'webhook-signature': signature,
    });
    expect(both.split(' ').map((one) => one.split(',')[0])).toEqual(['v1', 'v1a']);
    const [v1, v1a] = both.split(' ') as [string, string];
    expect(new Webhook(secret).verify('{}', headersWith(`${v1a} ${v1}`))).toEqual({});
    expect(() => new Webhook(secret).verify('{}', headersWith(v1a))).toThrow();
  });
});
