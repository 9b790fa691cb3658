import { parse } from 'csv-parse/sync';
import { canonicalJson } from '../../events/canonical.ts';
import { dataFaults, isSoundJson } from '../../events/data.ts';
import { parseJson, sayPosition } from '../../events/json.ts';
import type { JsonSchema } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import { isCsvType } from '../../schemas/upload.ts';

/** The most rows of one upload. */
export const MAX_ROWS = 100_000;
/** How many refused rows a report tells, and how many faults of each. */
export const TOLD = { rows: 1000, faults: 10 };

/** What became of the rows of a file. */
export interface JudgedRows {
  /** Those that obey the schema, a canonical JSON text each. */
  accepted: string[];
  refused: number;
  /** Which were refused and why, the first of them: rows count from 1, a CSV's header not among them. */
  report: { row: number; errors: Fault[] }[];
}

/** One row as read, or why it cannot be. */
export type Row = { value: unknown } | { fault: string };

/** Judges each row of NDJSON or CSV by the schema; a fault where the file cannot be told apart into rows. */
export function judgeRows(
  { text, contentType }: { text: string; contentType: string },
  schema: JsonSchema,
  judge: (data: unknown) => Fault[],
): JudgedRows | { fault: string } {
  const rows = isCsvType(contentType) ? csvRows(text, schema) : lines(text);
  return 'fault' in rows ? rows : judgeEach(rows, judge);
}

/** Judges rows by the schema, the first of which is the so-many-th of its file, counted from 0. */
export function judgeEach(rows: Row[], judge: (data: unknown) => Fault[], first = 0): JudgedRows {
  const judged: JudgedRows = { accepted: [], refused: 0, report: [] };
  for (const [index, row] of rows.entries()) {
    const errors = 'fault' in row ? [{ path: '/data', message: row.fault }] : faultsOf(row.value, judge);
    if (errors.length === 0 && 'value' in row) judged.accepted.push(canonicalJson(row.value));
    else {
      judged.refused += 1;
      if (judged.report.length < TOLD.rows)
        judged.report.push({ row: first + index + 1, errors: errors.slice(0, TOLD.faults) });
    }
  }
  return judged;
}

/** As at every other door: what cannot be told again unchanged is asked of no schema. */
const faultsOf = (value: unknown, judge: (data: unknown) => Fault[]): Fault[] =>
  isSoundJson(value) ? judge(value) : dataFaults(value, '/data');

const TOO_MANY = { fault: `The file has more than ${MAX_ROWS} rows: send it in parts` };

function lines(text: string): Row[] | { fault: string } {
  // Counted before any is made: rows of two bytes take far more than that in memory.
  let ends = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) ends += 1;
  if (ends > MAX_ROWS) return TOO_MANY;
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(rowOfLine);
}

/** A line of NDJSON as a row. */
export function rowOfLine(line: string): Row {
  const read = parseJson(line);
  return 'value' in read ? read : { fault: `is not JSON: ${sayPosition(read.at)}` };
}

function csvRows(text: string, schema: JsonSchema): Row[] | { fault: string } {
  let header: string[] = [];
  try {
    // The header and one row too many are as far as it reads.
    const to = MAX_ROWS + 2;
    const records = parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true, to });
    header = records.shift() ?? [];
    if (records.length > MAX_ROWS) return TOO_MANY;
    if (new Set(header).size !== header.length)
      return { fault: 'Two columns of the file have the same name' };
    return records.map((record) => rowOf(header, record, schema));
  } catch (error) {
    return { fault: `The file is not CSV (RFC 4180): ${codeOf(error)}` };
  }
}

/** Its code names the fault, its message would quote the file. */
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown';

/** Records of a CSV by its header; one that is none has a fault of its own, and spoils no other. */
export function rowsOfRecords(records: string[], header: string[], schema: JsonSchema): Row[] {
  const options = { relax_column_count: true };
  try {
    const all = parse(records.join(''), options);
    if (all.length === records.length) return all.map((record) => rowOf(header, record, schema));
  } catch {
    // Which of them it is shows when each is read alone.
  }
  return records.map((text): Row => {
    try {
      const [record = []] = parse(text, options);
      return rowOf(header, record, schema);
    } catch (error) {
      return { fault: `is not CSV (RFC 4180): ${codeOf(error)}` };
    }
  });
}

/** The columns that the first record of a CSV names; undefined where it names none, or one twice. */
export function headerOf(record: string): string[] | undefined {
  try {
    const [header = []] = parse(record, { bom: true });
    return header.length > 0 && new Set(header).size === header.length ? header : undefined;
  } catch {
    return undefined;
  }
}

function rowOf(header: string[], record: string[], schema: JsonSchema): Row {
  if (record.length !== header.length)
    return { fault: `has ${record.length} values, and the header ${header.length}` };
  const cells = header.flatMap((name, column): [string, unknown][] => {
    const cell = record[column] ?? '';
    return cell === '' ? [] : [[name, valueOf(cell, typesOf(schema, name))]];
  });
  return { value: Object.fromEntries(cells) };
}

/** The types that the schema itself says a property may have. */
function typesOf(schema: JsonSchema, name: string): unknown[] {
  // Any JSON may stand in a schema; what is no object tells no type.
  const properties = (schema as { properties?: Record<string, { type?: unknown } | boolean> }).properties;
  const property = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
  return typeof property === 'object' ? [property.type].flat() : [];
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A cell by the types that it may have; one that fits none stays text, for the schema to refuse. */
function valueOf(cell: string, types: unknown[]): unknown {
  const number = NUMBER.test(cell) ? Number(cell) : undefined;
  if (number !== undefined && types.includes('number')) return number;
  // A larger integer would be another one than the file has.
  if (Number.isSafeInteger(number) && types.includes('integer')) return number;
  if (types.includes('boolean') && (cell === 'true' || cell === 'false')) return cell === 'true';
  return cell;
}
