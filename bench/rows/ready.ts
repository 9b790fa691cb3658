import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { NODE, ROOT } from '../../local/paths.ts';
import { freePort } from '../mesh.ts';
import { type Bench, mostRow } from '../row.ts';

const READY_WITHIN_MS = 180_000;

/**
 * From a finished `npm ci` to "ready": a copy of the repository's files with these node_modules and nothing else, so
 * that the engine is downloaded and installed anew, the stacks deployed, and the demonstration's first events shown.
 */
export const readyTime: Bench = {
  name: 'ready',
  tells: 'from a finished npm ci to "ready", engine installation and demonstration included',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'maille-ready-'));
    try {
      copyTo(folder);
      return [mostRow('npm start, from a finished npm ci to "ready"', await start(folder), 's', 60)];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function copyTo(folder: string): void {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  for (const file of execFileSync('git', args, { cwd: ROOT }).toString().split('\0')) {
    // Linked below; what was removed and not yet committed is still listed.
    if (!file || file === 'node_modules' || !existsSync(join(ROOT, file))) continue;
    cpSync(join(ROOT, file), join(folder, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

async function start(folder: string): Promise<number> {
  const port = await freePort();
  const begun = performance.now();
  const child = spawn(NODE, ['local/start.ts'], {
    cwd: folder,
    env: { ...process.env, MAILLE_PORT: String(port), PATH: `${dirname(NODE)}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const ready = new Promise<number>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('ready after')) resolve((performance.now() - begun) / 1000);
    });
  });
  const timer = setTimeout(() => child.kill('SIGINT'), READY_WITHIN_MS);
  try {
    const early = ended.then(() => Promise.reject(new Error('npm start ended before it was ready')));
    return await Promise.race([ready, early]);
  } finally {
    clearTimeout(timer);
    child.kill('SIGINT');
    await ended;
  }
}
