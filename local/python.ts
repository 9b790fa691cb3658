import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LOCAL, ROOT } from './paths.ts';
import { say, Trouble } from './say.ts';

const run = promisify(execFile);

/** What is installed with pip, pinned and hashed: from which file, into which venv below `.local`, for what. */
interface Installed {
  requirements: string;
  venv: string;
  what: string;
}
const ENGINE: Installed = {
  requirements: 'local/requirements.txt',
  venv: 'venv',
  what: 'the local engine',
};
const JUDGE: Installed = {
  requirements: 'local/requirements-judge.txt',
  venv: 'venv-judge',
  what: 'the linter of data contracts',
};

const CANDIDATES = [
  'python3',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'python',
];
// Its version first: an older one may lack more.
const NEW_ENOUGH =
  'import sys; sys.version_info >= (3, 10) or sys.exit("older than 3.10: " + sys.version); import venv, ensurepip';

/** A Python with the pinned engine in it, in a private venv that is made when it is missing or out of date. */
export const enginePython = (signal?: AbortSignal): Promise<string> => pythonWith(ENGINE, signal);

/** A Python with the linter of the Open Data Contract Standard in it, about 130 MB; made in the same way. */
export const judgePython = (signal?: AbortSignal): Promise<string> => pythonWith(JUDGE, signal);

async function pythonWith(installed: Installed, signal: AbortSignal | undefined): Promise<string> {
  const venv = join(LOCAL, installed.venv);
  const python = join(venv, 'bin/python');
  const wanted = createHash('sha256')
    .update(readFileSync(join(ROOT, installed.requirements)))
    .digest('hex');
  const stamp = join(venv, 'requirements.sha256');
  if (existsSync(python) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;

  const system = await systemPython();
  say(`installing ${installed.what} (first time only)`);
  mkdirSync(LOCAL, { recursive: true });
  // Made aside and renamed, so that an interrupted installation is never taken for a whole one.
  const fresh = `${venv}.${process.pid}`;
  try {
    await run(system, ['-m', 'venv', fresh], { signal });
    await install(join(fresh, 'bin/python'), installed, signal);
    writeFileSync(join(fresh, 'requirements.sha256'), wanted);
    rmSync(venv, { recursive: true, force: true });
    renameSync(fresh, venv);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return python;
}

async function install(
  python: string,
  { requirements, what }: Installed,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = [
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    '--require-hashes',
    '--only-binary',
    ':all:',
  ];
  try {
    const file = join(ROOT, requirements);
    await run(python, ['-m', 'pip', 'install', ...options, '--no-compile', '-r', file], { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Trouble(
      `It was not possible to install ${what} from ${requirements}:\n${tail(stderrOf(error))}\n` +
        'Is there a network, or a package index that pip is configured for? Then run the command again.',
    );
  }
}

/** The first of these commands that is a Python which can install the engine; a {@link Trouble} when none is. */
export async function systemPython(candidates: string[] = CANDIDATES): Promise<string> {
  const faults: string[] = [];
  for (const python of candidates) {
    try {
      await run(python, ['-c', NEW_ENOUGH]);
      return python;
    } catch (error) {
      if (/No module named '?(venv|ensurepip)/.test(stderrOf(error))) faults.push(python);
    }
  }
  throw new Trouble(
    faults.length > 0
      ? `${faults[0]} lacks its venv module, which the local engine is installed with.\n` +
          'On Debian and Ubuntu: apt install python3-venv. Then run the command again.'
      : 'The local engine needs Python 3.10 or newer, and none was found on the PATH.\n' +
          'Install it (https://www.python.org/downloads, or your system’s package python3), then run the command again.',
  );
}

/** The last lines of a text. */
export const tail = (text: string, lines = 15): string => text.trimEnd().split('\n').slice(-lines).join('\n');

/** What a command said before it failed; why it could not be run when it said nothing. */
function stderrOf(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return said === '' ? String(error) : said;
}
