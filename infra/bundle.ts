import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import type { FunctionName } from './names.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Where the handlers are: `{folder}/{function}/handler.ts`. */
export const HANDLERS = join(ROOT, 'functions');

// Libraries written for CommonJS call `require`, which a module does not have.
const REQUIRE = `import{createRequire as __require}from'node:module';const require=__require(import.meta.url);`;

/** What is loaded only when it is needed, by `require` at run time, with the file of its own beside the function. */
const LOADED_LATER = new Map([
  ['re2js', 'node_modules/re2js/index.js'],
  ['ajv/dist/2020.js', 'node_modules/ajv/dist/2020.js'],
  ['ajv-formats/dist/formats.js', 'node_modules/ajv-formats/dist/formats.js'],
]);

const OPTIONS: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
};

/** The files of a function, by their path in it; `index.mjs` is all that a start loads. */
export type FunctionFiles = Record<string, Uint8Array>;

/**
 * A function with everything it needs, the AWS SDK included, minified and without a source map. The same sources give
 * the same bytes on every engine.
 */
export function bundle(name: FunctionName, handlers: string = HANDLERS): FunctionFiles {
  const main = build({
    entryPoints: [join(handlers, name, 'handler.ts')],
    format: 'esm',
    alias: {
      '@aws-sdk/credential-provider-node': join(ROOT, 'infra/lambda-credentials.ts'),
      '@smithy/core/event-streams': join(ROOT, 'infra/no-event-streams.ts'),
    },
    banner: { js: REQUIRE },
  });
  const text = Buffer.from(main).toString('latin1');
  const later = [...LOADED_LATER].filter(([library]) => text.includes(`"${library}"`));
  return Object.fromEntries([
    ['index.mjs', main],
    ...later.map(([library, path]) => [path, build({ entryPoints: [library], format: 'cjs' })]),
  ]);
}

function build(options: BuildOptions): Uint8Array {
  const [output] = buildSync({ ...OPTIONS, ...options, write: false }).outputFiles;
  if (!output) throw new Error(`esbuild made nothing of ${String(options.entryPoints)}`);
  return output.contents;
}
