import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle, loadedAtStart } from '../infra/bundle.ts';
import { LOCAL, NODE } from '../local/paths.ts';
import { environmentOf, SECRET } from './given.ts';
import type { Hot } from './invocations.ts';

const FOLDER = join(LOCAL, 'bench');

/** A process that this one started and speaks with. */
export interface Child {
  process: ChildProcess;
  /** Rejects when it ends, which it does when it is told to, or by a fault. */
  ended: Promise<never>;
}
const children = new Set<Child>();

/** Starts a script of this folder as a process of its own, which ends with this one. */
export function start(
  script: string,
  args: string[],
  env: Record<string, string> = {},
  execArgv: string[] = [],
): Child {
  const process_ = fork(join(import.meta.dirname, script), args, {
    execPath: NODE,
    execArgv,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(process_, 'exit').then(() => Promise.reject(new Error(`${script} ended`)));
  const child = { process: process_, ended };
  ended.catch(() => children.delete(child));
  children.add(child);
  return child;
}

/** Asks a process one thing, or waits for its first word; rejects when it ends instead. */
export async function ask<Answer>(child: Child, message?: object | number): Promise<Answer> {
  if (message !== undefined) child.process.send(message);
  const [answer] = await Promise.race([once(child.process, 'message'), child.ended]);
  return answer as Answer; // each script answers one thing
}

/** Ends a process and waits until it is gone; when it is still there after 5 s, it is killed. */
export async function stop({ process: process_, ended }: Child): Promise<void> {
  if (process_.connected) process_.disconnect();
  const timer = setTimeout(() => process_.kill('SIGKILL'), 5000);
  await ended.catch(() => undefined);
  clearTimeout(timer);
}

/** Ends all that was started. */
export const stopAll = async (): Promise<void> => void (await Promise.all([...children].map(stop)));

/** A sink for webhooks: it tells its address. */
export async function openSink(): Promise<string> {
  const { url } = await ask<{ url: string }>(start('sink.ts', []));
  return url;
}

/** A sink and an AWS that answers from memory, and how the functions find them. */
export interface World {
  stub: string;
  env: Record<string, string>;
}

/** Starts the processes that stand for the world. */
export async function openWorld(): Promise<World> {
  const webhook = `${await openSink()}/hook`;
  const { url: stub } = await ask<{ url: string }>(start('aws-stub.ts', [webhook]));
  return { stub, env: { ...environmentOf(stub), BENCH_SINK: webhook, BENCH_SECRET: SECRET } };
}

/** How often each operation was called since this was last asked. */
export async function callsOf(world: World): Promise<Record<string, number>> {
  return (await (await fetch(`${world.stub}/calls`)).json()) as Record<string, number>;
}

/** Where a bundled handler is, and how many bytes a start loads. */
export interface Bundled {
  path: string;
  bytes: number;
}

/** Bundles a handler as it is deployed, from `functions` or from a folder of this one. */
export function bundled(name: Hot, folder?: 'floors' | 'empty' | 'bare'): Bundled {
  const to = join(FOLDER, folder ?? 'functions', name);
  const files = bundle(name, folder && join(import.meta.dirname, folder));
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), contents);
  }
  const bytes = loadedAtStart(files).reduce((sum, path) => sum + (files[path]?.length ?? 0), 0);
  return { path: join(to, 'index.mjs'), bytes };
}
