import { afterEach, expect, it, vi } from 'vitest';
import * as z from 'zod/mini';
import { engineVariable } from '../../functions/variables.ts';

afterEach(() => vi.unstubAllEnvs());

const PATH = '/maille-test-payloads-000000000000-us-east-1';
const ON_AWS = `https://s3.eu-west-3.amazonaws.com${PATH}`;

it('an address of AWS stays as it is where no engine is named', () => {
  vi.stubEnv('AWS_ENDPOINT_URL', undefined);
  expect(z.parse(engineVariable, ON_AWS)).toBe(ON_AWS);
});

it.each([
  ['of AWS', ON_AWS],
  // LocalStack's URL suffix is where it listens, which makes a host that no URL may have.
  ['that is no host name', `https://s3.us-east-1.127.0.0.1${PATH}`],
  ['with a port', `https://s3.us-east-1.127.0.0.1:4666${PATH}`],
])('on an engine the path is kept, under a host %s', (_, text) => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:4666/');
  expect(z.parse(engineVariable, text)).toBe(`http://127.0.0.1:4666${PATH}`);
});
