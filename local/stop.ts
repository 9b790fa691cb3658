import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine, enginePort, stopLeftEngine } from './engine.ts';
import { command, say, Trouble } from './say.ts';
import { startFile } from './start.ts';

const STOPS_WITHIN_MS = 20_000;

async function main(): Promise<void> {
  const port = enginePort();
  const started = await stopStart(port);
  const left = await stopLeftEngine(port);
  say(started || left ? `stopped what ran on port ${port}` : `nothing of ours runs on port ${port}`);
}

/** Ends `npm start`, which stops everything that it started. */
async function stopStart(port: number): Promise<boolean> {
  const file = startFile(port);
  if (!existsSync(file)) return false;
  const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
  if (!isStart(pid)) return false;
  process.kill(pid, 'SIGTERM');
  const last = Date.now() + STOPS_WITHIN_MS;
  while (isStart(pid)) {
    if (Date.now() > last)
      throw new Trouble(`npm start (process ${pid}) does not end. End it by hand: kill -9 ${pid}`);
    await sleep(100);
  }
  return true;
}

const isStart = (pid: number): boolean => commandLine(pid).includes('start.ts');

if (import.meta.main) await command(main);
