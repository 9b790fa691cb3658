import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemPython } from '../../local/python.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maille-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A command that says something and ends with a status, as a Python would. */
function python(name: string, said: string, status: number): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "${said}" >&2\nexit ${status}\n`);
  chmodSync(file, 0o755);
  return file;
}

it('the first Python that is new enough installs the engine', async () => {
  const old = python('python3', 'older than 3.10: 3.8.18', 1);
  const good = python('python3.12', '', 0);
  expect(await systemPython([join(folder, 'none'), old, good])).toBe(good);
});

it('an old Python is told from one that lacks its venv module, and none at all', async () => {
  const old = python('python3', 'older than 3.10: 3.8.18', 1);
  const bare = python('python3.11', "ModuleNotFoundError: No module named 'ensurepip'", 1);
  await expect(systemPython([old])).rejects.toThrow(/needs Python 3.10 or newer/);
  await expect(systemPython([old, bare])).rejects.toThrow(
    /python3.11 lacks its venv module[\s\S]*apt install/,
  );
  await expect(systemPython([join(folder, 'none')])).rejects.toThrow(/needs Python 3.10 or newer/);
});
