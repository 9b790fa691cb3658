import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

it('LocalStack by docker listens on this machine only, runs the functions on any processor, and is pinned', () => {
  const text = readFileSync(new URL('../../local/compose.yml', import.meta.url), 'utf8');
  const { services } = parse(text) as { services: Record<string, Record<string, unknown>> };
  expect(services['localstack']).toMatchObject({
    image: 'localstack/localstack:${LOCALSTACK_VERSION:-4.14.0}',
    ports: ['127.0.0.1:4566:4566'],
    environment: { LAMBDA_IGNORE_ARCHITECTURE: 1 },
  });
});
