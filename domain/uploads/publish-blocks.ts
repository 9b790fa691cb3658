import { createHash } from 'node:crypto';
import type { Problem } from '../../schemas/problem.ts';
import { isCsvType, type Upload } from '../../schemas/upload.ts';
import type { Payloads } from '../ports.ts';
import type { PublishOutcome } from '../publish/outcome.ts';
import { type Block, blockOf, LONGEST } from './block.ts';
import { changedHeld, type HoldDeps } from './hold.ts';
import { blockId, movedOn, type Published, START } from './progress.ts';
import {
  type KeptRows,
  linesOf,
  reportOf,
  type RowJudge,
  rowJudgeOf,
  type RowsDeps,
  ROWS_TYPE,
  stemOf,
} from './keep-rows.ts';
import {
  headerOf,
  judgeEach,
  type JudgedRows,
  MAX_ROWS,
  type Row,
  rowOfLine,
  rowsOfRecords,
  TOLD,
} from './rows.ts';

/** What publishing a file block by block needs of the world. */
export interface BlocksDeps extends HoldDeps {
  types: RowsDeps['types'];
  registry: RowsDeps['registry'] & HoldDeps['registry'];
  payloads: Pick<Payloads, 'open' | 'put' | 'read' | 'remove'>;
  uploadRowsBytes: number;
}

/** The most bytes of the record that names a CSV's columns: it is kept with how far the file was published. */
const MAX_HEADER_BYTES = 100_000;

/** How far a file came: to its end, to be gone on with, or no further for a reason. */
export type Progress = { upload: Upload } & ({ end: true } | { going: true } | { outcome: PublishOutcome });

/**
 * Makes an event of each block of a large file in rows. What is published next is noted before it is, so that a call
 * that is stopped anywhere is gone on with as if it had not been: each row is accepted once, by the id of its block.
 */
export async function publishBlocks(
  deps: BlocksDeps,
  held: Upload,
  mayGoOn: () => boolean,
  publishAs: (upload: Upload, id: string, kept: KeptRows) => Promise<PublishOutcome>,
): Promise<Progress> {
  let upload = held;
  do {
    const noted = upload.published?.next ? upload : await noteNext(deps, upload);
    if ('refusal' in noted) return { upload, outcome: { status: 'rejected', problem: noted.refusal } };
    if (!noted.published?.next) return { upload: noted, end: true };
    upload = noted;
    const { next } = noted.published;
    if (next.accepted === 0) {
      upload = await movedOn(deps, upload);
      continue;
    }
    const outcome = await publishAs(upload, blockId(upload), next);
    if (outcome.status === 'failed' || outcome.status === 'rejected') return { upload, outcome };
    upload = await movedOn(deps, upload, { id: outcome.id, source: outcome.source, digest: outcome.digest });
  } while (mayGoOn());
  return { upload, going: true };
}

/** Judges the next block and notes what is to be published of it; as it is at the end of the file. */
async function noteNext(deps: BlocksDeps, upload: Upload): Promise<Upload | { refusal: Problem }> {
  const { published = START, contentType, name } = upload;
  // A store answers a read from the very end with an error (RFC 9110 section 15.5.17).
  if (published.bytes === upload.bytes) return upload;
  const by = await rowJudgeOf(deps, upload);
  if ('problem' in by) return { refusal: by.problem };
  const file = await deps.payloads.open(name, published.bytes);
  if (!file) throw new Error(`the file of ${upload.id} is not there`);
  const quoted = isCsvType(contentType);
  const most = deps.uploadRowsBytes / 2;
  const block = await blockOf(file, { quoted, most, rows: MAX_ROWS });
  if (block.endless) return { refusal: endless(published, quoted, most * LONGEST) };
  if (block.bytes === 0) return upload;
  const columns = quoted ? (published.header ?? columnsOf(block, most)) : undefined;
  if (typeof columns === 'string') return { refusal: notValid(columns) };
  const judged = judgeBlock(by, block, published.rows, columns);
  const kept = await keepBlock(deps, upload, judged);
  const report = await addToReport(deps, upload, judged);
  const { rows = { accepted: 0, refused: 0 } } = upload;
  const next = {
    bytes: published.bytes + block.bytes,
    rows: published.rows + judged.accepted.length + judged.refused,
    accepted: judged.accepted.length,
    refused: judged.refused,
    ...kept,
  };
  return changedHeld(deps, upload, {
    ...upload,
    published: { ...published, ...(columns && { header: columns }), next },
    rows: { ...rows, ...(report !== undefined && { report }) },
  });
}

/** Takes the header of a CSV out of its first block: the columns, or why it names none. */
function columnsOf({ records, bytes }: Block, most: number): string[] | string {
  const first = records.shift();
  // One that is longer than a block is not there to be measured.
  const long = first === undefined ? bytes > most : Buffer.byteLength(first) > MAX_HEADER_BYTES;
  if (long) return `The first record of the file has more than ${MAX_HEADER_BYTES} bytes`;
  return headerOf(first ?? '') ?? 'The first record of the file names no columns, or one twice';
}

function endless({ bytes, rows }: Published, quoted: boolean, most: number): Problem {
  const which = quoted && bytes === 0 ? 'The first record' : `Row ${rows + 1}`;
  const why = quoted ? 'a quote is not closed, or' : 'perhaps';
  return notValid(
    `${which} is longer than ${most} bytes, the most that is read of one: ${why} lines do not end with a newline`,
  );
}

const notValid = (detail: string): Problem => ({ kind: 'not-valid', detail });

function judgeBlock(
  { judge, schema }: RowJudge,
  { records }: Block,
  first: number,
  header: string[] | undefined,
): JudgedRows {
  const blank = (text: string | undefined): boolean => text?.trim() === '';
  const told = records.filter((text) => !blank(text));
  const read = told.filter((text) => text !== undefined);
  const rows = header ? rowsOfRecords(read, header, schema) : read.map(rowOfLine);
  const unread: Row = { fault: 'is not UTF-8, or longer than a row may be' };
  const inOrder = told.map((text) => (text === undefined ? unread : (rows.shift() ?? unread)));
  return judgeEach(inOrder, judge, first);
}

async function keepBlock(
  { payloads }: BlocksDeps,
  { name, events = 0 }: Upload,
  { accepted }: JudgedRows,
): Promise<KeptRows> {
  const body = linesOf(accepted);
  const sha256 = createHash('sha256').update(body).digest('hex');
  // Two blocks may hold the same: the number keeps what is one event's from being another's.
  const kept = `${stemOf(name)}.${events + 1}.${sha256.slice(0, 16)}.ndjson`;
  if (accepted.length > 0) await payloads.put({ name: kept, body, contentType: ROWS_TYPE });
  return { name: kept, sha256 };
}

/** The report with the rows of one block more; a call that was stopped may have added them before. */
async function addToReport(
  { payloads }: BlocksDeps,
  { name, published = START, rows }: Upload,
  { report }: JudgedRows,
): Promise<string | undefined> {
  if (report.length === 0) return rows?.report;
  const at = reportOf(name);
  const text = (await payloads.read(at))?.toString() ?? '';
  const before = text.split('\n').filter((line) => line !== '' && rowIn(line) <= published.rows);
  const lines = [...before, ...report.map((row) => JSON.stringify(row))].slice(0, TOLD.rows);
  await payloads.put({ name: at, body: linesOf(lines), contentType: ROWS_TYPE });
  return at;
}

// Safe: the lines are those that were written here.
const rowIn = (line: string): number => (JSON.parse(line) as { row: number }).row;
