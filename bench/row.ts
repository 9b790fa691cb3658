import { cpus } from 'node:os';
import type { World } from './processes.ts';

/** One line of the table. Texts carry their units; what a row has not is a dash. */
export interface Row {
  what: string;
  measured: string;
  floor?: string;
  ratio?: string;
  target: string;
  /** Undefined where nothing is promised. */
  met?: boolean | undefined;
}

/** A bench: what it is called with `--only`, what it tells, how it measures. */
export interface Bench {
  name: string;
  tells: string;
  /** Whether it takes so long that it runs only when it is named. */
  onlyNamed?: boolean;
  run: (context: Context) => Promise<Row[]>;
}

/** What benches share, made when it is first asked for. */
export interface Context {
  world: () => Promise<World>;
  /** How many events were asked for, where a bench can be scaled. */
  events?: number | undefined;
  /** Keeps a page of Markdown in `docs/` under this name. */
  keep: (name: string, text: string) => Promise<void>;
}

/** A figure with as many decimals as matter. */
export function figure(value: number, unit = ''): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return `${value.toFixed(digits)}${unit && ` ${unit}`}`;
}

/** A row whose ratio has a limit. */
export const ratioRow = (
  what: string,
  { measured, floor, ratio }: { measured: number; floor: number; ratio: number },
  unit: string,
  most: number,
): Row => ({
  what,
  measured: figure(measured, unit),
  floor: figure(floor, unit),
  ratio: `${ratio.toFixed(2)}×`,
  target: `≤ ${most}×`,
  met: ratio <= most,
});

/** A row whose figure itself has a limit. */
export const mostRow = (what: string, value: number, unit: string, most: number): Row => ({
  what,
  measured: figure(value, unit),
  target: `≤ ${most} ${unit}`.trim(),
  met: value <= most,
});

/** A bench's rows, each with the command that repeats it. */
export type Told = Row & { again: string };

const HEADINGS = ['what', 'measured', 'floor', 'ratio', 'target', 'met', 'again'] as const;
const cellsOf = (row: Told): string[] =>
  HEADINGS.map((name) => {
    if (name === 'met') return row.met === undefined ? '–' : row.met ? 'yes' : '**no**';
    return row[name] ?? '–';
  });

/** The rows as a table of Markdown. */
export const tableOf = (rows: Told[]): string =>
  [HEADINGS, HEADINGS.map(() => '---'), ...rows.map(cellsOf)]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

/** Where and when it was measured. */
export const circumstances = (at: Date): string => {
  const [first] = cpus();
  return `${at.toISOString().slice(0, 16)}Z, Node ${process.versions.node}, ${cpus().length} cores (${first?.model.trim() ?? 'unknown'})`;
};
