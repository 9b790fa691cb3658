import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  engineVariable,
  environmentOf,
  namesVariable,
  nameVariable,
  territoryVariable,
  urlVariable,
} from '../../functions/variables.ts';

afterEach(() => vi.unstubAllEnvs());

const PATH = '/maille-test-payloads-000000000000-us-east-1';
const ON_AWS = `https://s3.eu-west-3.amazonaws.com${PATH}`;

it('an address of AWS stays as it is where no engine is named', () => {
  vi.stubEnv('AWS_ENDPOINT_URL', undefined);
  expect(engineVariable(ON_AWS)).toBe(ON_AWS);
});

it.each([
  ['of AWS', ON_AWS],
  // LocalStack's URL suffix is where it listens, which makes a host that no URL may have.
  ['that is no host name', `https://s3.us-east-1.127.0.0.1${PATH}`],
  ['with a port', `https://s3.us-east-1.127.0.0.1:4666${PATH}`],
])('on an engine the path is kept, under a host %s', (_, text) => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:4666/');
  expect(engineVariable(text)).toBe(`http://127.0.0.1:4666${PATH}`);
});

describe('an environment', () => {
  const environment = environmentOf({
    TERRITORY: territoryVariable,
    BUS_NAMES: namesVariable,
    QUEUE_URL: urlVariable,
    TABLE: nameVariable,
  });

  it('is read variable by variable', () => {
    const given = {
      TERRITORY: '{"id":"x"}',
      BUS_NAMES: 'a,b',
      QUEUE_URL: 'https://example.org/q',
      TABLE: 't',
    };
    expect(environment(given)).toEqual({ ...given, TERRITORY: { id: 'x' }, BUS_NAMES: ['a', 'b'] });
  });

  it('names all that is missing or wrong, and no text of it', () => {
    const given = { TERRITORY: '{', BUS_NAMES: '', QUEUE_URL: 'a queue' };
    expect(() => environment(given)).toThrow(
      'TERRITORY is not JSON; BUS_NAMES is missing; QUEUE_URL is not a URL; TABLE is missing',
    );
  });
});
