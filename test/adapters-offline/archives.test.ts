import { S3Client } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { archives } from '../../adapters/s3/archives.ts';
import { given } from '../given.ts';

it('a bucket that does not let the mesh in is answered with a statement of the mesh’s own partition', async () => {
  const client = new S3Client({ region: 'eusc-de-east-1' });
  const denied = Object.assign(new Error('Access Denied'), { name: 'AccessDenied' });
  client.middlewareStack.add(() => () => Promise.reject(denied), { step: 'initialize' });
  const principals = ['arn:aws-eusc:iam::111122223333:role/clock'];
  const parcels = [{ delivery: given.delivery().id, event: given.event() }];
  const destination = { kind: 's3' as const, bucket: 'air', concurrency: 1 };
  const [handed] = await archives({ client, principals })({
    destination,
    parcels,
    signing: { secrets: [] },
    at: new Date(),
  });
  expect(handed?.answer).toMatchObject({
    kind: 'refused',
    error: expect.stringContaining('"arn:aws-eusc:s3:::air/*"'),
  });
});
