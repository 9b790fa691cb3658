import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { isSecret, signatures } from '../../../domain/deliver/sign.ts';

interface Vector {
  name: string;
  secret?: string;
  msg_id: string;
  timestamp: number;
  payload: string;
  signature: string;
  valid: boolean;
}
const file = new URL('../../fixtures/webhooks/standard-webhooks-vectors.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Vector[] };
const hmacCases = cases.filter(({ secret }) => secret !== undefined);

describe('signatures', () => {
  it.each(hmacCases)(
    'agrees with the published vector $name',
    ({ secret = '', msg_id, timestamp, payload, signature, valid }) => {
      expect(signatures([secret], msg_id, timestamp, payload) === signature).toBe(valid);
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
      'webhook-signature': signatures([newer, older], 'dlv_1', now, '{"été":1}'),
    };
    for (const secret of [newer, older])
      expect(new Webhook(secret).verify('{"été":1}', headers)).toEqual({ été: 1 });
    expect(() => new Webhook(newer).verify('{"été":2}', headers)).toThrow();
  });

  it('refuse a secret that is too short to be one', () => {
    expect(isSecret(`whsec_${Buffer.alloc(23).toString('base64')}`)).toBe(false);
    expect(() => signatures(['whsec_AAAA'], 'dlv_1', 1, '')).toThrow(/24 to 64 bytes/);
  });
});
