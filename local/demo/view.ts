import { stripVTControlCharacters } from 'node:util';

/** Where the view writes: a terminal, a pipe, or a test. */
export interface Out {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** What a line of the view can tell. */
export type Happening =
  'published' | 'sent' | 'duplicate' | 'refused' | 'delivered' | 'pulled' | 'withheld' | 'fault';

/** One thing that happened: who did it, on which dataset, what it was, and the ids. */
export interface Line {
  what: Happening;
  who: string;
  dataset?: string | undefined;
  summary: string;
  /** By which door it came in, or what the contract said of its way out. */
  how?: string | undefined;
  ids?: string | undefined;
  /** How many such things the line tells; one, if it does not say. */
  times?: number | undefined;
}

/** The live view. */
export interface View {
  /** A heading of the opening, with the lines below it. */
  section(title: string, lines?: string[]): void;
  /** One thing that happened, at the present moment. */
  line(line: Line): void;
  /** How often each thing happened so far. */
  counts(): Record<Happening, number>;
}

const CODES = { dim: 2, bold: 1, green: 32, cyan: 36, yellow: 33, red: 31 } as const;
type Style = keyof typeof CODES;
const GAP = '  ';
/** Columns from which everything stands on one row. */
const WIDE = 160;

const STYLE: Record<Happening, Style> = {
  published: 'cyan',
  sent: 'cyan',
  duplicate: 'dim',
  refused: 'red',
  delivered: 'green',
  pulled: 'green',
  withheld: 'yellow',
  fault: 'red',
};

/** How lines look: with colours or not, and cut at so many columns where there is a terminal. */
export interface Look {
  colour: boolean;
  columns?: number | undefined;
}

/** Colours only on a terminal, and not where `NO_COLOR` is set (no-color.org). */
export const lookOf = (out: Out, environment: NodeJS.ProcessEnv): Look => ({
  colour: out.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb',
  columns: out.isTTY ? out.columns : undefined,
});

/**
 * One line of the view, without its end: time, what, who, dataset, summary, door or verdict, ids. On a narrow
 * terminal the dataset is left out, and ids that do not fit stand on a row of their own.
 */
export function formatLine(line: Line, at: Date, look: Look): string {
  const { what, who, dataset = '', summary, how = '', ids = '' } = line;
  const time: Cell = [at.toTimeString().slice(0, 8), 'dim'];
  const begin: Cell[] = [time, [what.padEnd(9), STYLE[what]], [who.padEnd(18)]];
  const said = oneLine(how);
  const known: Cell = [oneLine(ids), 'dim'];
  if (look.columns === undefined || look.columns >= WIDE) {
    const middle: Cell[] = [
      [dataset.padEnd(16), 'dim'],
      [oneLine(summary).padEnd(34)],
      [said.padEnd(32), 'bold'],
    ];
    return row([...begin, ...middle, known], look);
  }
  const narrow: Cell[] = [...begin, [oneLine(summary).padEnd(34)], [said, 'bold']];
  const length = [...narrow, known].reduce((sum, [text]) => sum + text.length + GAP.length, -GAP.length);
  if (length <= look.columns || ids === '') return row([...narrow, known], look);
  return `${row(narrow, look)}\n${row([[' '.repeat(time[0].length)], known], look)}`;
}

type Cell = [text: string, style?: Style];

/** One row of a terminal: cut where it ends. */
function row(cells: Cell[], look: Look): string {
  let room = look.columns ?? Infinity;
  const shown = cells.map(([text, style]) => {
    const fitting =
      text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}${room > 0 ? '…' : ''}`;
    room = Math.max(0, room - text.length - GAP.length);
    return look.colour && style && fitting.trim() ? `\x1b[${CODES[style]}m${fitting}\x1b[0m` : fitting;
  });
  return shown.join(GAP).trimEnd();
}

/** A view on `out`; `now` gives the time of each line. */
export function createView(
  out: Out,
  environment: NodeJS.ProcessEnv,
  now: () => Date = () => new Date(),
): View {
  const look = lookOf(out, environment);
  const counts = Object.fromEntries(Object.keys(STYLE).map((what) => [what, 0])) as Record<Happening, number>;
  return {
    section(title, lines = []) {
      const heading = look.colour ? `\x1b[${CODES.bold}m${title}\x1b[0m` : title;
      out.write(`\n${heading}\n${lines.map((line) => `  ${line}\n`).join('')}`);
    },
    line(line) {
      counts[line.what] += line.times ?? 1;
      out.write(`${formatLine(line, now(), look)}\n`);
    },
    counts: () => ({ ...counts }),
  };
}

/** Rows of texts as lines with aligned columns. */
export function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

// What participants publish is not ours: control characters in it must not reach the terminal.
const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
