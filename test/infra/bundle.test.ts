import { describe, expect, it } from 'vitest';
import { bundle, loadedAtStart } from '../../infra/bundle.ts';

type Name = Parameters<typeof bundle>[0];
const bundled = new Map<Name, ReturnType<typeof bundle>>();

/** Made once for all tests. */
function filesOf(name: Name): ReturnType<typeof bundle> {
  const files = bundled.get(name) ?? bundle(name);
  bundled.set(name, files);
  return files;
}

function textOf(name: Name): string {
  const files = filesOf(name);
  return loadedAtStart(files)
    .map((path) => Buffer.from(files[path] ?? []).toString('latin1'))
    .join('\n');
}

describe('the functions of the flow start light', () => {
  it.each(['publish', 'route', 'deliver'] as const)('%s is at most 600 KB', (name) => {
    const bytes = Object.values(filesOf(name)).reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeLessThanOrEqual(600_000);
  });

  it('deliver loads what speaks to the event buses of consumers when there is one', () => {
    expect(Object.keys(filesOf('deliver')).some((path) => path.startsWith('consumer-buses'))).toBe(true);
    expect(textOf('deliver')).not.toContain('AWSEvents');
  });

  // zod costs 80 KB and a fifth of a cold start, the small one 17 KB and a tenth; a value that one of these functions
  // imports from a file of zod schemas brings it all in.
  it.each(['publish', 'deliver'] as const)('%s loads nothing of zod', (name) => {
    expect(textOf(name)).not.toContain('_zod');
  });

  it('route loads of zod only what its reports need', () => {
    expect(textOf('route')).toContain('"ZodMiniObject"');
    expect(textOf('route')).not.toContain('"ZodObject"');
  });

  // An import of node:http touches all that it exports, WebSocket's whole client too: 40 ms.
  it.each(['publish', 'route', 'deliver'] as const)('%s does not import node:http when it starts', (name) => {
    expect(textOf(name)).not.toMatch(/from ?"(?:node:)?http"/);
  });
});

describe('the other functions', () => {
  it('have whole zod, which shows that the tests above can see it', () => {
    expect(textOf('api')).toContain('"ZodObject"');
  });
});
