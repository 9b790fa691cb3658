import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOCAL, NODE } from './paths.ts';
import { enginePython, tail } from './python.ts';
import { say, Trouble } from './say.ts';

/** Where an engine answers, and as whom to call it. */
export interface Engine {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** An engine that runs: `ours` when this command started it and must stop it. */
export interface RunningEngine extends Engine {
  ours: boolean;
  /** Resolves when the engine ends, not by `stop`; the reason says what to do, with the end of the log if it is ours. */
  died: Promise<Trouble>;
  /** Stops what was started, with all its Lambda processes; nothing when it is not ours. */
  stop: () => Promise<void>;
}

const STARTS_WITHIN_MS = 60_000;
const STOPS_WITHIN_MS = 4_000;
const WATCHED_EVERY_MS = 1_000;

/** The engine's port: `MAILLE_PORT`, else 4566. */
export function enginePort(text: string | undefined = process.env['MAILLE_PORT']): number {
  const port = Number(text || 4566);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Trouble(
    `MAILLE_PORT=${text} is not a port. Give a number from 1 to 65535, for example MAILLE_PORT=4567.`,
  );
}

/** The engine on a port of this machine. */
export const localEngine = (port: number): Engine => ({
  endpoint: `http://127.0.0.1:${port}`,
  region: process.env['AWS_REGION'] || 'eu-west-3',
  accessKeyId: 'test',
  secretAccessKey: 'test',
});

/** Finds the engine that runs on the port, or starts one. A foreign program on the port is a {@link Trouble}. */
export async function openEngine(port: number, signal?: AbortSignal): Promise<RunningEngine> {
  const engine = localEngine(port);
  const found = await whoAnswers(engine.endpoint);
  if (found === 'engine') {
    say(`using the engine that already runs on port ${port}`);
    return { ...engine, ours: false, died: vanished(engine.endpoint, port), stop: async () => undefined };
  }
  if (found === 'stranger') throw portTaken(port);
  const python = await enginePython(signal);
  return start(engine, port, python, signal);
}

/** Resolves when nobody listens where another command's engine was, asked a few times. */
async function vanished(endpoint: string, port: number): Promise<Trouble> {
  for (let refused = 0; refused < 3;) {
    await sleep(WATCHED_EVERY_MS, undefined, { ref: false });
    refused = (await whoAnswers(endpoint)) === 'nobody' ? refused + 1 : 0;
  }
  return new Trouble(
    `The engine on port ${port}, which another command started, has ended, and what it held is gone.\nRun the command again.`,
  );
}

/** Stops the engine that an earlier command left on the port; answers whether there was one. */
export async function stopLeftEngine(port: number): Promise<boolean> {
  const file = stateFile(port);
  if (!existsSync(file)) return false;
  const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
  const ours = commandLine(pid).includes('ministack');
  if (ours) await endGroup(pid);
  cleanUp(port);
  return ours;
}

/** Who answers on an endpoint: an engine, somebody else, or nobody. */
export async function whoAnswers(endpoint: string): Promise<'engine' | 'stranger' | 'nobody'> {
  try {
    const answer = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(3000) });
    const health: unknown = await answer.json();
    return typeof health === 'object' && health !== null && 'services' in health ? 'engine' : 'stranger';
  } catch (error) {
    const refused =
      error instanceof TypeError &&
      /ECONNREFUSED/.test(String((error.cause as Error | undefined)?.message ?? error.cause));
    return refused ? 'nobody' : 'stranger';
  }
}

async function start(
  engine: Engine,
  port: number,
  python: string,
  signal: AbortSignal | undefined,
): Promise<RunningEngine> {
  say(`starting the engine on ${engine.endpoint}`);
  const folder = folderOf(port);
  cleanUp(port);
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  // The engine writes its CommonJS workers here; without this they would be modules, as this repository's files are.
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
  const log = openSync(logFile(port), 'w');
  const child = spawn(python, ['-m', 'ministack'], {
    cwd: folder,
    // Its own process group, so that its Lambda processes can be ended with it.
    detached: true,
    stdio: ['ignore', log, log],
    env: engineEnvironment(engine, port, folder),
  });
  closeSync(log);
  writeFileSync(stateFile(port), JSON.stringify({ pid: child.pid, port }));
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  );
  let stopping = false;
  const died = ended.then(() => (stopping ? new Promise<Trouble>(() => undefined) : diedTrouble(port)));
  const stop = async (): Promise<void> => {
    stopping = true;
    await end(child);
    cleanUp(port);
  };
  try {
    await Promise.race([
      ready(engine.endpoint, port, signal),
      died.then((trouble) => Promise.reject(trouble)),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...engine, ours: true, died, stop };
}

// Nothing of the caller's environment but what a process needs: the functions would see it too.
function engineEnvironment({ region }: Engine, port: number, folder: string): NodeJS.ProcessEnv {
  return {
    PATH: [dirname(NODE), process.env['PATH']].join(delimiter),
    HOME: process.env['HOME'],
    LANG: 'C.UTF-8',
    TMPDIR: join(folder, 'tmp'),
    PYTHONUNBUFFERED: '1',
    BIND_HOST: '127.0.0.1',
    MINISTACK_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    MINISTACK_REGION: region,
    S3_DATA_DIR: join(folder, 's3'),
    STATE_DIR: join(folder, 'state'),
    // Listeners on further ports that the mesh does not need.
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    LOG_LEVEL: 'WARNING',
  };
}

async function ready(endpoint: string, port: number, signal: AbortSignal | undefined): Promise<void> {
  const last = Date.now() + STARTS_WITHIN_MS;
  while (Date.now() < last) {
    if ((await whoAnswers(endpoint)) === 'engine') return;
    await sleep(100, undefined, { ...(signal && { signal }) });
  }
  throw new Trouble(
    `The engine did not answer within ${STARTS_WITHIN_MS / 1000} s. The end of its log:\n${logTail(port)}`,
  );
}

const end = async ({ pid }: ChildProcess): Promise<void> => {
  if (pid !== undefined) await endGroup(pid);
};

async function endGroup(pid: number): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  const last = Date.now() + STOPS_WITHIN_MS;
  while (Date.now() < last && signalGroup(pid, 0)) await sleep(50);
  signalGroup(pid, 'SIGKILL');
}

/** Whether somebody of the group was there to be signalled. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

/** The command line of a process; empty when there is none. */
export function commandLine(pid: number): string {
  try {
    if (existsSync('/proc/self')) return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

const folderOf = (port: number): string => join(LOCAL, `engine-${port}`);
const stateFile = (port: number): string => join(LOCAL, `engine-${port}.json`);
const logFile = (port: number): string => join(LOCAL, `engine-${port}.log`);
const logTail = (port: number): string =>
  existsSync(logFile(port)) ? tail(readFileSync(logFile(port), 'utf8')) : '';

function cleanUp(port: number): void {
  rmSync(stateFile(port), { force: true });
  rmSync(folderOf(port), { recursive: true, force: true });
}

const diedTrouble = (port: number): Trouble =>
  new Trouble(
    `The engine ended by itself. The end of its log (.local/engine-${port}.log):\n${logTail(port)}\n` +
      'Run the command again; if it ends again, remove .local/venv so that the engine is installed anew.',
  );

const portTaken = (port: number): Trouble =>
  new Trouble(
    `Port ${port} is taken by a program that is not an engine of this kind.\n` +
      `Stop that program, or choose another port: MAILLE_PORT=${port === 4567 ? 4568 : 4567} npm start`,
  );
