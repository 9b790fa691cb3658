import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import type { FunctionName } from './names.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Where the handlers are: `{folder}/{function}/handler.ts`. */
export const HANDLERS = join(ROOT, 'functions');

// Libraries written for CommonJS call `require`, which a module does not have.
const REQUIRE = `import{createRequire as __require}from'node:module';const require=__require(import.meta.url);`;

/**
 * A function with everything it needs, the AWS SDK included, as one minified module without a source map. The same
 * sources give the same bytes on every engine.
 */
export function bundle(name: FunctionName, handlers: string = HANDLERS): Uint8Array {
  const { outputFiles } = buildSync({
    entryPoints: [join(handlers, name, 'handler.ts')],
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': join(ROOT, 'infra/lambda-credentials.ts') },
    banner: { js: REQUIRE },
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  });
  const [output] = outputFiles;
  if (!output) throw new Error(`esbuild made nothing of ${name}`);
  return output.contents;
}
