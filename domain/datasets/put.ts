import { canonicalJson } from '../../events/canonical.ts';
import type { Dataset, DatasetRequest, JsonSchema, SchemaVersion } from '../../schemas/dataset.ts';
import { schemaId } from '../../schemas/schema-id.ts';
import type { Caller } from '../../schemas/participant.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import { outlastedContracts, outlastingFaults } from '../contracts/outlasting.ts';
import { type ControlDeps, everyItem, overtaken } from '../control.ts';
import type { Change, SchemaJudge } from '../ports.ts';

/** The most bytes of one schema: with its fellows it has to fit into one transaction. */
const MAX_SCHEMA_BYTES = 64 * 1024;

/** What putting datasets needs of the world. */
export interface DatasetDeps extends Omit<ControlDeps, 'random'> {
  schemas: Pick<SchemaJudge, 'check'>;
  /** Judges a changed schema against the version before; its faults are breaking changes. */
  judgeChange?: JudgeChange;
}

/** What a changed schema breaks, by the compatibility that was declared until now. */
export type JudgeChange = (
  before: SchemaVersion,
  after: Pick<DatasetRequest['types'][number], 'schema'>,
  declared: DatasetRequest['types'][number]['compatibility'],
) => Fault[];

/** `If-Match`, as sent: an update without it could overwrite what its sender has not seen. */
export type IfMatch = string | undefined;

/** The entity tag of a dataset, strong: each change has its own. */
export const etagOf = ({ revision }: Pick<Dataset, 'revision'>): string => `"${revision}"`;

/** Creates or updates a dataset of the caller's. A changed schema becomes a new version; versions never change. */
export async function putDataset(
  deps: DatasetDeps,
  caller: Caller,
  id: string,
  request: DatasetRequest,
  ifMatch: IfMatch,
): Promise<{ created: boolean; dataset: Dataset }> {
  const before = await deps.registry.read('dataset', id);
  // Not a 404, which would promise that the id is free; nothing else of another provider's dataset is told.
  if (before && before.provider !== caller.participant) throw taken(id);
  judgePrecondition(before, ifMatch);
  if (before?.status === 'retired') throw new ProblemError('conflict', `The dataset ${id} is retired`);
  refuseFaults([
    ...schemaFaults(deps.schemas, request),
    ...processingFaults(request),
    ...outlastingFaults(request.offer.minimisation, request.retentionDays, '/offer/minimisation'),
    ...(before ? await outlastedContracts(deps.registry, before, request.retentionDays) : []),
  ]);

  const now = deps.now().toISOString();
  const { types, added } = await versioned(deps, id, before, request, now);
  const dataset: Dataset = {
    ...request,
    id,
    provider: caller.participant,
    types,
    status: 'active',
    ...carried(before, request, now),
    revision: (before?.revision ?? 0) + 1,
    createdAt: before?.createdAt ?? now,
    updatedAt: now,
  };
  if (before && added.length === 0 && sameTerms(before, dataset)) return { created: false, dataset: before };
  const change: Change = before
    ? { do: 'replace', noun: 'dataset', before, item: dataset }
    : { do: 'create', noun: 'dataset', item: dataset };
  const versions = added.map((item): Change => ({ do: 'create', noun: 'schema', item }));
  if (!(await deps.registry.write([change, ...versions])))
    throw before ? stale(id) : overtaken('dataset', id);
  return { created: !before, dataset };
}

/** What a request says nothing of: a planned end stays planned, a changed offer is marked until all have been told. */
function carried(before: Dataset | undefined, { offer }: DatasetRequest, now: string): Partial<Dataset> {
  if (!before) return {};
  const { retirement, offer: known } = before;
  const changedAt = canonicalJson(known) === canonicalJson(offer) ? before.offerChangedAt : now;
  return { ...(retirement && { retirement }), ...(changedAt !== undefined && { offerChangedAt: changedAt }) };
}

function judgePrecondition(before: Dataset | undefined, ifMatch: IfMatch): void {
  if (!before) {
    if (ifMatch !== undefined)
      throw new ProblemError('precondition-failed', 'There is no such dataset to match');
    return;
  }
  if (ifMatch === undefined) {
    const detail = `The dataset ${before.id} exists: send the ETag that you read as If-Match`;
    throw new ProblemError('precondition-required', detail);
  }
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (!tags.includes('*') && !tags.includes(etagOf(before))) throw stale(before.id);
}

function schemaFaults(schemas: DatasetDeps['schemas'], request: DatasetRequest): Fault[] {
  return request.types.flatMap(({ schema }, index) => {
    const base = `/types/${index}/schema`;
    return unusable(schemas, schema).map(({ path, message }) => ({ path: base + path, message }));
  });
}

/** Why a schema cannot be used at all; empty when it can. */
export function unusable(schemas: DatasetDeps['schemas'], schema: JsonSchema): Fault[] {
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > MAX_SCHEMA_BYTES) {
    return [{ path: '', message: `has ${bytes} bytes; at most ${MAX_SCHEMA_BYTES} are taken` }];
  }
  return schemas.check(schema);
}

const processingFaults = ({ personalData, processing }: DatasetRequest): Fault[] =>
  processing && !personalData
    ? [{ path: '/processing', message: 'is for personal data: say personalData, or leave it out' }]
    : [];

interface Versioned {
  types: Dataset['types'];
  added: SchemaVersion[];
}

/** The version of each type after this request, and the versions that it adds. */
async function versioned(
  deps: DatasetDeps,
  dataset: string,
  before: Dataset | undefined,
  request: DatasetRequest,
  createdAt: string,
): Promise<Versioned> {
  const standing = await standingVersions(deps, dataset, before, request);
  const result: Versioned = { types: [], added: [] };
  const breaking: Fault[] = [];
  for (const [index, wanted] of request.types.entries()) {
    const { type, schema, compatibility } = wanted;
    const current = standing[index];
    const changed = !current || canonicalJson(current.schema) !== canonicalJson(schema);
    if (current && changed && deps.judgeChange) {
      // What was declared until now binds: a request cannot loosen it and break it at once.
      const declared = before?.types.find((known) => known.type === type)?.compatibility ?? compatibility;
      for (const { path, message } of deps.judgeChange(current, wanted, declared)) {
        breaking.push({ path: `/types/${index}/schema${path}`, message });
      }
    }
    const version = (current?.version ?? 0) + (changed ? 1 : 0);
    result.types.push({ type, compatibility, schemaVersion: version });
    if (changed) result.added.push({ dataset, type, version, schema, createdAt });
  }
  if (breaking.length > 0) {
    throw new ProblemError('conflict', `${breaking.length} breaking change(s)`, { errors: breaking });
  }
  return result;
}

/** The latest version of each type asked for. A type that was taken out and comes back goes on where it was. */
async function standingVersions(
  deps: DatasetDeps,
  dataset: string,
  before: Dataset | undefined,
  { types }: DatasetRequest,
): Promise<(SchemaVersion | undefined)[]> {
  if (!before) return types.map(() => undefined);
  const versionOf = new Map(before.types.map(({ type, schemaVersion }) => [type, schemaVersion]));
  const refs = types.map(({ type }) => {
    const version = versionOf.get(type) ?? 1;
    return { noun: 'schema', id: schemaId(dataset, type, version) } as const;
  });
  const found: (SchemaVersion | undefined)[] = await deps.registry.readAll(refs);
  for (const [index, { type }] of types.entries()) {
    if (!versionOf.has(type) && found[index]) found[index] = await latest(deps, dataset, type);
  }
  return found;
}

async function latest(deps: DatasetDeps, dataset: string, type: string): Promise<SchemaVersion | undefined> {
  let found: SchemaVersion | undefined;
  const versions = everyItem<SchemaVersion>((page) =>
    deps.registry.list('schemasOfType', { dataset, type }, page),
  );
  for await (const version of versions) if (!found || version.version > found.version) found = version;
  return found;
}

function sameTerms(one: Dataset, other: Dataset): boolean {
  const terms = ({ revision: _, updatedAt: __, ...rest }: Dataset) => canonicalJson(rest);
  return terms(one) === terms(other);
}

function refuseFaults(errors: Fault[]): void {
  if (errors.length === 0) return;
  throw new ProblemError('not-valid', `The dataset is not valid: ${errors.length} error(s)`, { errors });
}

const taken = (id: string): ProblemError =>
  new ProblemError('conflict', `The id ${id} is not free: choose another one`);

const stale = (id: string): ProblemError =>
  new ProblemError('precondition-failed', `The dataset ${id} has changed since it was read: read it again`);
