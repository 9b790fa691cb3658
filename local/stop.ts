import { setTimeout as sleep } from 'node:timers/promises';
import { enginePort, stopLeftEngine } from './engine.ts';
import { forgetStart, isStart, startOn } from './mesh-file.ts';
import { command, say, Trouble } from './say.ts';

const STOPS_WITHIN_MS = 20_000;

async function main(): Promise<void> {
  const port = enginePort();
  const started = await stopStart(port);
  const left = await stopLeftEngine(port);
  // Of one that was killed.
  forgetStart(port);
  say(started || left ? `stopped what ran on port ${port}` : `nothing of ours runs on port ${port}`);
}

/** Ends `npm start`, which stops everything that it started. */
async function stopStart(port: number): Promise<boolean> {
  const pid = startOn(port);
  if (pid === undefined) return false;
  process.kill(pid, 'SIGTERM');
  const last = Date.now() + STOPS_WITHIN_MS;
  while (isStart(pid)) {
    if (Date.now() > last)
      throw new Trouble(`npm start (process ${pid}) does not end. End it by hand: kill -9 ${pid}`);
    await sleep(100);
  }
  return true;
}

if (import.meta.main) await command(main);
