import { createHash } from 'node:crypto';
import type { JsonSchema } from '../../schemas/dataset.ts';
import type { Fault, Problem } from '../../schemas/problem.ts';
import { schemaId } from '../../schemas/schema-id.ts';
import type { Upload } from '../../schemas/upload.ts';
import type { Payloads, Registry } from '../ports.ts';
import { typeFinder } from '../publish/catalogue.ts';
import type { PublishDeps } from '../publish/publish.ts';
import { judgeRows, type JudgedRows } from './rows.ts';

/** What keeping rows needs of the world. */
export interface RowsDeps extends Pick<PublishDeps, 'types'> {
  registry: Pick<Registry, 'read'>;
  payloads: Pick<Payloads, 'put'>;
}

/** Rows that were kept under a name of their own, with the hash of them. */
export interface KeptRows {
  name: string;
  sha256: string;
}

/** The media type of the data that rows become, whatever they came as. */
export const ROWS_TYPE = 'application/x-ndjson';

/** What a file in rows became: those that obey, kept to be published, or why there is nothing to publish. */
export type Kept = { rows?: NonNullable<Upload['rows']> } & ({ kept: KeptRows } | { problem: Problem });

/**
 * Judges the rows of a file one by one and keeps those that obey the schema as NDJSON; those that do not stand in a
 * report beside it, without their values.
 */
export async function keepRows(deps: RowsDeps, upload: Upload, text: string): Promise<Kept> {
  const { contentType, name } = upload;
  const by = await rowJudgeOf(deps, upload);
  if ('problem' in by) return by;
  const judged = judgeRows({ text, contentType }, by.schema, by.judge);
  if ('fault' in judged) return { problem: notValid(judged.fault) };
  const rows = {
    accepted: judged.accepted.length,
    refused: judged.refused,
    ...(await reported(deps, name, judged)),
  };
  if (judged.accepted.length === 0) return { problem: notValid('No row obeys the schema', judged), rows };
  return { kept: await keep(deps, stemOf(name), judged), rows };
}

/** What judges rows, and the schema that tells what the cells of a CSV are. */
export interface RowJudge {
  judge: (data: unknown) => Fault[];
  schema: JsonSchema;
}

/** What judges the rows of an upload; the problem where its type is not offered any more. */
export async function rowJudgeOf(
  { types, registry }: Pick<RowsDeps, 'types' | 'registry'>,
  { provider, type, dataset }: Upload,
): Promise<RowJudge | { problem: Problem }> {
  const resolved = await typeFinder(types, provider)(type, dataset);
  if ('problem' in resolved) return { problem: resolved.problem };
  const { found } = resolved;
  const version = await registry.read('schema', schemaId(found.dataset, found.type, found.schemaVersion));
  return { judge: await types.judgeOf(found), schema: version?.schema ?? {} };
}

/** What the names of all that a file in rows becomes begin with. */
export const stemOf = (name: string): string => name.replace(/\.rows$/, '');

/** Where the report of a file's refused rows is kept. */
export const reportOf = (name: string): string => `${stemOf(name)}.report.ndjson`;

const notValid = (detail: string, { report }: Pick<JudgedRows, 'report'> = { report: [] }): Problem => ({
  kind: 'not-valid',
  detail,
  ...(report[0] && { errors: report[0].errors }),
});

async function reported(
  { payloads }: Pick<RowsDeps, 'payloads'>,
  file: string,
  { report }: JudgedRows,
): Promise<{ report?: string }> {
  if (report.length === 0) return {};
  const name = reportOf(file);
  await payloads.put({
    name,
    body: linesOf(report.map((row) => JSON.stringify(row))),
    contentType: ROWS_TYPE,
  });
  return { report: name };
}

async function keep(
  { payloads }: Pick<RowsDeps, 'payloads'>,
  stem: string,
  { accepted }: JudgedRows,
): Promise<KeptRows> {
  const body = linesOf(accepted);
  const sha256 = createHash('sha256').update(body).digest('hex');
  // Content decides the name: rows that clash with accepted ones leave those as they are.
  const name = `${stem}.${sha256.slice(0, 16)}.ndjson`;
  await payloads.put({ name, body, contentType: ROWS_TYPE });
  return { name, sha256 };
}

/** Lines of NDJSON. */
export const linesOf = (texts: string[]): Buffer => Buffer.from(texts.map((text) => `${text}\n`).join(''));
