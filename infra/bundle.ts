import { basename, join } from 'node:path';
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

/** What these import at its first use is a file of its own: in one file, all that it shares would be wrapped. */
const SPLIT = new Set<FunctionName>(['deliver', 'clock']);

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

/** The files of a function, by their path in it; a start loads `index.mjs` and what that imports. */
export type FunctionFiles = Record<string, Uint8Array>;

/** The paths of what a start loads: the rest is loaded at its first use. */
export function loadedAtStart(files: FunctionFiles): string[] {
  const found = new Set(['index.mjs']);
  for (const path of found) {
    const text = Buffer.from(files[path] ?? []).toString('latin1');
    for (const [, imported = ''] of text.matchAll(/(?:from|import) ?"\.\/([\w-]+\.mjs)"/g))
      found.add(imported);
  }
  return [...found];
}

/**
 * A function with everything it needs, the AWS SDK included, minified and without a source map. The same sources give
 * the same bytes on every engine.
 */
export function bundle(name: FunctionName, handlers: string = HANDLERS): FunctionFiles {
  const own = build({
    entryPoints: { index: join(handlers, name, 'handler.ts') },
    format: 'esm',
    splitting: handlers === HANDLERS && SPLIT.has(name),
    outExtension: { '.js': '.mjs' },
    // Tells browsers apart, for SDK clients that run in one.
    external: ['bowser'],
    alias: {
      '@aws-sdk/credential-provider-node': join(ROOT, 'infra/lambda-credentials.ts'),
      '@smithy/core/event-streams': join(ROOT, 'infra/no-event-streams.ts'),
    },
    banner: { js: REQUIRE },
  });
  const text = Object.values(own).map((file) => Buffer.from(file).toString('latin1'));
  const later = [...LOADED_LATER].filter(([library]) => text.some((one) => one.includes(`"${library}"`)));
  const libraries = later.flatMap(([library, path]) =>
    Object.values(build({ entryPoints: [library], format: 'cjs' })).map((file) => [path, file] as const),
  );
  return { ...own, ...Object.fromEntries(libraries) };
}

function build(options: BuildOptions): FunctionFiles {
  const { outputFiles = [] } = buildSync({ ...OPTIONS, ...options, outdir: ROOT, write: false });
  return Object.fromEntries(outputFiles.map(({ path, contents }) => [basename(path), contents]));
}
