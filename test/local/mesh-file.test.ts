import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { localEngine } from '../../local/engine.ts';
import { claimStart, forgetStart, startOn, writeMesh } from '../../local/mesh-file.ts';

let folder: string;
const running: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maille-'));
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const meshOf = (port: number) => ({
  url: `http://127.0.0.1:${port}/mesh`,
  territory: 'la-rochelle',
  keys: { operator: `key of ${port}` },
  engine: localEngine(port),
});
const told = (name = 'mesh.json') =>
  existsSync(join(folder, name)) ? JSON.parse(readFileSync(join(folder, name), 'utf8')).url : undefined;

/** A process that looks like an `npm start` of the port. */
async function starting(port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)', 'start.ts']);
  running.push(child);
  await once(child.stdout, 'data');
  writeFileSync(join(folder, `start-${port}.json`), JSON.stringify({ pid: child.pid }));
  return child;
}

it('a mesh that is ready is told, and no more when it has stopped', () => {
  claimStart(4566, folder);
  writeMesh(4566, meshOf(4566), folder);
  expect([told(), told('mesh-4566.json')]).toEqual([meshOf(4566).url, meshOf(4566).url]);
  forgetStart(4566, folder);
  expect([told(), told('mesh-4566.json'), existsSync(join(folder, 'start-4566.json'))]).toEqual([
    undefined,
    undefined,
    false,
  ]);
});

it('of two side by side each leaves the other what it needs', async () => {
  await starting(4567);
  writeMesh(4567, meshOf(4567), folder);
  claimStart(4566, folder);
  writeMesh(4566, meshOf(4566), folder);
  expect(told()).toBe(meshOf(4566).url);
  forgetStart(4566, folder);
  expect([told(), told('mesh-4567.json')]).toEqual([meshOf(4567).url, meshOf(4567).url]);
});

it('one that joins a port does not take it from the one that runs there', async () => {
  const first = await starting(4566);
  writeMesh(4566, meshOf(4566), folder);
  claimStart(4566, folder);
  expect(startOn(4566, folder)).toBe(first.pid);
  forgetStart(4566, folder);
  expect([startOn(4566, folder), told()]).toEqual([first.pid, meshOf(4566).url]);
});

it('what one that was killed has left is forgotten', async () => {
  const killed = await starting(4566);
  writeMesh(4566, meshOf(4566), folder);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  expect(startOn(4566, folder)).toBeUndefined();
  forgetStart(4566, folder);
  expect([told(), told('mesh-4566.json')]).toEqual([undefined, undefined]);
});
