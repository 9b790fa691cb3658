import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NODE, ROOT } from '../local/paths.ts';

const HELP = `Deploys the test territory on an engine that runs, and tries the mesh from the outside.

  npm run journey -- --endpoint http://127.0.0.1:4666 [file or -t name ...]

Without --endpoint an engine is started for the run, and stopped again.
`;

const { values, positionals } = parseArgs({
  options: {
    endpoint: { type: 'string' },
    name: { type: 'string', short: 't' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  const what = positionals.length > 0 ? positionals : ['test/journeys'];
  const named = values.name === undefined ? [] : ['-t', values.name];
  // An engine for each worker: one is enough for what is named alone.
  const workers = positionals.length === 1 ? ['--maxWorkers=1'] : [];
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(NODE, [vitest, 'run', '--project', 'engine', ...workers, ...what, ...named], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...(values.endpoint !== undefined && { MAILLE_ENDPOINT: values.endpoint }) },
  });
  process.exitCode = status ?? 1;
}
