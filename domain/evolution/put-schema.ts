import { canonicalJson } from '../../events/canonical.ts';
import type { Dataset, JsonSchema, SchemaVersion } from '../../schemas/dataset.ts';
import type { Caller } from '../../schemas/participant.ts';
import { type Fault, ProblemError } from '../../schemas/problem.ts';
import { schemaId } from '../../schemas/schema-id.ts';
import { type SchemaPlan, schemaPlanId } from '../../schemas/schema-plan.ts';
import { absent, type ControlDeps, overtaken } from '../control.ts';
import { unusable } from '../datasets/put.ts';
import type { Ledger, Payloads, SchemaJudge } from '../ports.ts';
import { judgeChange, touchedBy } from './judge.ts';
import { tellPlan, versionChanges } from './plan.ts';
import { type Rehearsal, rehearse } from './rehearse.ts';

/** What changing schemas needs of the world. */
export interface EvolutionDeps extends ControlDeps {
  schemas: Pick<SchemaJudge, 'check' | 'judge'>;
  ledger: Pick<Ledger, 'read' | 'history'>;
  payloads: Pick<Payloads, 'read'>;
}

/** How a schema is to be changed: when a breaking change is to be in force, or only what would come of it. */
export interface SchemaWish {
  effective?: string | undefined;
  dryRun: boolean;
  /** How many days of real events a dry run judges by the draft. */
  days: number;
}

/** What became of a schema, or would: the version that is in force now, or the plan for a later day. */
export type SchemaOutcome = (
  { status: 'unchanged' | 'in-force'; schema: SchemaVersion } | { status: 'planned'; plan: SchemaPlan }
) & { rehearsal?: Rehearsal };

/**
 * Gives a type of the caller's dataset another schema. What breaks the declared compatibility is refused with each
 * place and each contract, unless it is announced for a day behind the notice of every contract that it touches.
 */
export async function putSchema(
  deps: EvolutionDeps,
  caller: Caller,
  { dataset: id, type }: { dataset: string; type: string },
  schema: JsonSchema,
  wish: SchemaWish,
): Promise<SchemaOutcome> {
  const { dataset, standing, compatibility } = await ownType(deps, caller, id, type);
  const faults = unusable(deps.schemas, schema);
  if (faults.length > 0)
    throw new ProblemError('not-valid', `The schema cannot be used: ${faults.length} error(s)`, {
      errors: faults,
    });
  const now = deps.now();
  const { contracts, touched, earliest } = await touchedBy(deps.registry, dataset, type, now);
  const draft = { dataset: id, type, schema };
  const told = wish.dryRun
    ? { rehearsal: await rehearse(deps, draft, { days: wish.days, contracts, now }) }
    : {};
  if (canonicalJson(standing.schema) === canonicalJson(schema))
    return { status: 'unchanged', schema: standing, ...told };
  const breaking = judgeChange(standing, { schema }, compatibility);
  if (breaking.length > 0)
    refuseEarly(breaking, wish.effective, earliest, { contracts: touched, earliest, ...told });
  const effective = wish.effective ?? now.toISOString();
  if (Date.parse(effective) > now.getTime()) {
    const plan = planned(dataset, draft, breaking, effective, now);
    if (!wish.dryRun) await announce(deps, dataset, plan);
    return { status: 'planned', plan, ...told };
  }
  const version: SchemaVersion = { ...draft, version: standing.version + 1, createdAt: now.toISOString() };
  if (!wish.dryRun && !(await deps.registry.write(versionChanges(dataset, version, now))))
    throw overtaken('dataset', id);
  return { status: 'in-force', schema: version, ...told };
}

/** Takes an announced change back, and tells those to whom it was announced. */
export async function withdrawPlan(
  deps: ControlDeps,
  caller: Caller,
  { dataset: id, type }: { dataset: string; type: string },
): Promise<void> {
  await ownType(deps, caller, id, type);
  const plan = await deps.registry.read('schemaPlan', schemaPlanId(id, type));
  if (plan?.status !== 'planned') throw absent('planned schema of', type);
  const item: SchemaPlan = { ...plan, status: 'withdrawn', told: false };
  if (!(await deps.registry.write([{ do: 'replace', noun: 'schemaPlan', before: plan, item }])))
    throw overtaken('planned schema of', type);
  await tellPlan(deps, item).catch(() => undefined);
}

async function ownType(deps: Pick<ControlDeps, 'registry'>, caller: Caller, id: string, type: string) {
  const dataset = await deps.registry.read('dataset', id);
  if (dataset?.provider !== caller.participant) throw absent('dataset', id);
  if (dataset.status === 'retired') throw new ProblemError('conflict', `The dataset ${id} is retired`);
  const known = dataset.types.find((one) => one.type === type);
  if (!known) throw absent('type', type);
  const standing = await deps.registry.read('schema', schemaId(id, type, known.schemaVersion));
  if (!standing) throw new Error(`schema ${id} ${type} is named by its dataset but not stored`);
  return { dataset, standing, compatibility: known.compatibility };
}

function refuseEarly(
  errors: Fault[],
  effective: string | undefined,
  earliest: string,
  more: Record<string, unknown>,
): void {
  if (effective !== undefined && Date.parse(effective) >= Date.parse(earliest)) return;
  const way =
    effective === undefined
      ? `publish it as a new type, or announce it by ?effective= for ${earliest} or later`
      : `it cannot be in force before ${earliest}: each contract has its notice`;
  throw new ProblemError('conflict', `${errors.length} breaking change(s): ${way}`, { errors, more });
}

function planned(
  { provider }: Dataset,
  { dataset, type, schema }: { dataset: string; type: string; schema: JsonSchema },
  breaking: Fault[],
  effective: string,
  now: Date,
): SchemaPlan {
  return {
    id: schemaPlanId(dataset, type),
    ...{ dataset, provider, type, schema, breaking },
    status: 'planned',
    told: false,
    announcedAt: now.toISOString(),
    effective: new Date(effective).toISOString(),
  };
}

async function announce(deps: EvolutionDeps, dataset: Dataset, plan: SchemaPlan): Promise<void> {
  const before = await deps.registry.read('schemaPlan', plan.id);
  const written = await deps.registry.write([
    // What was judged is what stands.
    { do: 'expect', noun: 'dataset', before: dataset },
    before
      ? { do: 'replace', noun: 'schemaPlan', before, item: plan }
      : { do: 'create', noun: 'schemaPlan', item: plan },
  ]);
  if (!written) throw overtaken('dataset', plan.dataset);
  // What this does not get to, the clock does.
  await tellPlan(deps, plan).catch(() => undefined);
}
