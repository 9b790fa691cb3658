import { createHash } from 'node:crypto';
import type { Problem } from '../../schemas/problem.ts';
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
  const { provider, type, dataset, contentType, name } = upload;
  const resolved = await typeFinder(deps.types, provider)(type, dataset);
  if ('problem' in resolved) return { problem: resolved.problem };
  const { found } = resolved;
  const version = await deps.registry.read(
    'schema',
    schemaId(found.dataset, found.type, found.schemaVersion),
  );
  const judge = await deps.types.judgeOf(found);
  const judged = judgeRows({ text, contentType }, version?.schema ?? {}, judge);
  if ('fault' in judged) return { problem: notValid(judged.fault) };
  const stem = name.replace(/\.rows$/, '');
  const rows = {
    accepted: judged.accepted.length,
    refused: judged.refused,
    ...(await reported(deps, stem, judged)),
  };
  if (judged.accepted.length === 0) return { problem: notValid('No row obeys the schema', judged), rows };
  return { kept: await keep(deps, stem, judged), rows };
}

const notValid = (detail: string, { report }: Pick<JudgedRows, 'report'> = { report: [] }): Problem => ({
  kind: 'not-valid',
  detail,
  ...(report[0] && { errors: report[0].errors }),
});

async function reported(
  { payloads }: Pick<RowsDeps, 'payloads'>,
  stem: string,
  { report }: JudgedRows,
): Promise<{ report?: string }> {
  if (report.length === 0) return {};
  const name = `${stem}.report.ndjson`;
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
