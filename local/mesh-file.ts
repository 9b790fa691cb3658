import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, type Engine } from './engine.ts';
import { LOCAL } from './paths.ts';

/** What `.local/mesh.json` holds: the address of a mesh that is ready, and its keys. */
export interface MeshFile {
  url: string;
  territory: string;
  keys: Record<string, string>;
  engine: Engine;
}

/** Says that this process is the `npm start` of a port, for `npm stop`; unless another one is, which it joins. */
export function claimStart(port: number, folder = LOCAL): void {
  if (startOn(port, folder) !== undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(startFile(port, folder), JSON.stringify({ pid: process.pid }));
}

/** The process of the `npm start` that runs on a port of this folder; undefined when none does. */
export function startOn(port: number, folder = LOCAL): number | undefined {
  const file = startFile(port, folder);
  if (!existsSync(file)) return undefined;
  const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
  return isStart(pid) ? pid : undefined;
}

/** Whether a process is an `npm start`. */
export const isStart = (pid: number): boolean => commandLine(pid).includes('start.ts');

/** Tells where a mesh is: `mesh.json` is the one that was ready last, `mesh-4566.json` that of a port. */
export function writeMesh(port: number, mesh: MeshFile, folder = LOCAL): void {
  write(meshFile(port, folder), mesh);
  write(meshFile(undefined, folder), mesh);
}

/** Forgets the mesh of a port, unless another process runs it; `mesh.json` is then one that still runs, if any. */
export function forgetStart(port: number, folder = LOCAL): void {
  const owner = startOn(port, folder);
  if (owner !== undefined && owner !== process.pid) return;
  const own = read(meshFile(port, folder));
  rmSync(meshFile(port, folder), { force: true });
  rmSync(startFile(port, folder), { force: true });
  if (own && own.url !== read(meshFile(undefined, folder))?.url) return;
  const [other] = othersOf(folder);
  if (other) write(meshFile(undefined, folder), other);
  else rmSync(meshFile(undefined, folder), { force: true });
}

function othersOf(folder: string): MeshFile[] {
  if (!existsSync(folder)) return [];
  const ports = readdirSync(folder).flatMap((name) => /^mesh-(\d+)\.json$/.exec(name)?.[1] ?? []);
  return ports
    .filter((port) => startOn(Number(port), folder) !== undefined)
    .flatMap((port) => read(meshFile(Number(port), folder)) ?? []);
}

const startFile = (port: number, folder: string): string => join(folder, `start-${port}.json`);
const meshFile = (port: number | undefined, folder: string): string =>
  join(folder, port === undefined ? 'mesh.json' : `mesh-${port}.json`);

const read = (file: string): MeshFile | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as MeshFile) : undefined;

// Readable by its owner only: it holds keys.
const write = (file: string, mesh: MeshFile): void =>
  writeFileSync(file, `${JSON.stringify(mesh, null, 2)}\n`, { mode: 0o600 });
