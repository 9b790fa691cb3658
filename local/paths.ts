import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What is made on this machine and never committed. */
export const LOCAL = join(ROOT, '.local');

const PINNED_NODE = join(ROOT, 'node_modules/node/bin/node');

/** The Node that the functions run on: the pinned one of production, whatever the machine has. */
export const NODE = existsSync(PINNED_NODE) ? PINNED_NODE : process.execPath;
