import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { signerV4 } from '../../adapters/sign-v4.ts';

const text = fc.stringMatching(/^[\w/+=.-]{1,60}$/);
const calls = fc.record({
  region: fc.constantFrom('eu-west-3', 'eusc-de-east-1'),
  service: fc.constantFrom('dynamodb', 'events'),
  accessKeyId: text,
  secretAccessKey: text,
  sessionToken: fc.option(text, { nil: undefined }),
  host: fc.constantFrom('dynamodb.eu-west-3.amazonaws.com', '127.0.0.1:4566'),
  target: fc.constantFrom('DynamoDB_20120810.BatchGetItem', 'AWSEvents.PutEvents'),
  body: fc.string({ unit: 'binary' }),
  days: fc.integer({ min: 0, max: 2 }),
});

test('signs as the library of the SDK does, on the days of one signer as they come', async () => {
  const scope = { region: 'eu-west-3', service: 'dynamodb', accessKeyId: 'AKID', secretAccessKey: 'secret' };
  const kept = signerV4(scope);
  await fc.assert(
    fc.asyncProperty(calls, async ({ host, target, body, days, sessionToken, ...who }) => {
      const at = new Date(Date.UTC(2026, 10, 25 + days, 12, 30, 15, 999));
      const call = { host, target, body, contentType: 'application/x-amz-json-1.0' };
      expect(signerV4({ ...who, sessionToken })(call, at)).toEqual(
        await librarySigned({ ...who, sessionToken }, call, at),
      );
      expect(kept(call, at)).toEqual(await librarySigned(scope, call, at));
    }),
  );
});

async function librarySigned(
  { region, service, ...keys }: Parameters<typeof signerV4>[0],
  { host, contentType, target, body }: Parameters<ReturnType<typeof signerV4>>[0],
  signingDate: Date,
): Promise<Record<string, string>> {
  const { sessionToken, ...rest } = keys;
  const credentials = { ...rest, ...(sessionToken !== undefined && { sessionToken }) };
  const signer = new SignatureV4({ region, service, credentials, sha256: Sha256, applyChecksum: false });
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol: 'https:',
      hostname: host,
      path: '/',
      query: {},
      headers: { host, 'content-type': contentType, 'x-amz-target': target },
      body,
    },
    { signingDate },
  );
  return headers;
}
