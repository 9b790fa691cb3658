import { readdirSync, readFileSync } from 'node:fs';
import * as z from 'zod';
import { territory, type Territory } from '../schemas/territory.ts';

/** Where the territories of this repository are. */
export const TERRITORIES = new URL('../territories/', import.meta.url);

/** The longest id with which the name of every resource still fits (the bucket's 63 characters decide). */
const LONGEST_ID = 19;
/** An id that holds one of these could name another territory's bus or queue: `rennes-2` is the second bus of `rennes`. */
const AMBIGUOUS_ID = /-(\d+|in|pull)(-|$)/;

/** A territory's file is missing, unreadable or wrong; the message names the file and every fault by path. */
export class TerritoryError extends Error {}

/**
 * Reads the territory `name` from `{name}.json` in `folder`. A file that says `extends` overrides members of the
 * other one. Throws a {@link TerritoryError}.
 */
export function readTerritory(name: string, folder: URL = TERRITORIES): Territory {
  const read = territory.safeParse(merged(name, folder, []));
  if (!read.success)
    throw fault(
      name,
      read.error.issues.map((issue) => `${at(issue.path)} ${issue.message}`),
    );
  const { id } = read.data;
  if (id.length > LONGEST_ID)
    throw fault(name, [`/id has ${id.length} characters; at most ${LONGEST_ID} fit into the names`]);
  if (AMBIGUOUS_ID.test(id))
    throw fault(name, ['/id must not hold -<number>, -in or -pull: names of other things end so']);
  return read.data;
}

function merged(name: string, folder: URL, below: string[]): Record<string, unknown> {
  if (below.includes(name)) throw fault(name, [`/extends goes round: ${[...below, name].join(' → ')}`]);
  const { extends: parent, ...own } = parsed(name, folder);
  if (parent === undefined) return own;
  if (typeof parent !== 'string') throw fault(name, ['/extends must be the name of a territory']);
  return { ...merged(parent, folder, [...below, name]), ...own };
}

function parsed(name: string, folder: URL): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(new URL(`${name}.json`, folder), 'utf8');
  } catch {
    throw new TerritoryError(
      `There is no territories/${name}.json. Territories here: ${names(folder).join(', ')}`,
    );
  }
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    throw fault(name, [error instanceof SyntaxError ? error.message : 'must be a JSON object']);
  }
}

const names = (folder: URL): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));

const at = (path: PropertyKey[]): string => `/${path.map(String).join('/')}`;

const fault = (name: string, faults: string[]): TerritoryError =>
  new TerritoryError(
    `territories/${name}.json is not valid:\n${faults.map((line) => `  ${line}`).join('\n')}`,
  );
