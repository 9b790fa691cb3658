import type { Dataset, SchemaVersion } from '../../schemas/dataset.ts';
import type { SchemaPlan } from '../../schemas/schema-plan.ts';
import { eachApart } from '../clock/apart.ts';
import { allItems, type ControlDeps } from '../control.ts';
import { noticeType, notify, writeNotices } from '../notices.ts';
import type { Change } from '../ports.ts';
import { touchedBy } from './judge.ts';

const SAID = {
  planned: noticeType.schemaPlanned,
  'in-force': noticeType.schemaChanged,
  withdrawn: noticeType.schemaWithdrawn,
} as const;

/** Tells every party of a plan's present status, and keeps that it did. Told twice rather than never. */
export async function tellPlan(deps: ControlDeps, plan: SchemaPlan): Promise<void> {
  const dataset = await deps.registry.read('dataset', plan.dataset);
  if (dataset) await writeNotices(deps.registry, await noticesOf(deps, dataset, plan));
  await deps.registry.write([
    // Once it is in force, or taken back, and everybody knows, there is nothing left to plan.
    plan.status === 'planned'
      ? { do: 'replace', noun: 'schemaPlan', before: plan, item: { ...plan, told: true } }
      : { do: 'remove', noun: 'schemaPlan', id: plan.id },
  ]);
}

async function noticesOf(deps: ControlDeps, dataset: Dataset, plan: SchemaPlan): Promise<Change[]> {
  const now = deps.now();
  const { contracts } = await touchedBy(deps.registry, dataset, plan.type, now);
  const data = {
    dataset: plan.dataset,
    type: plan.type,
    effective: plan.effective,
    breaking: plan.breaking,
    ...(plan.version !== undefined && { version: plan.version }),
  };
  const subject = `${plan.dataset}/${plan.type}`;
  const parties = [...new Set([plan.provider, ...contracts.map(({ consumer }) => consumer)])];
  return parties.map((party) => notify(party, { type: SAID[plan.status], subject, data }, now, deps.random));
}

/** Puts in force the announced schemas whose day has come, and tells what was not told yet. Answers how many changed. */
export async function settleSchemas(deps: ControlDeps): Promise<number> {
  let changed = 0;
  const listed = await allItems((page) => deps.registry.list('schemaPlans', {}, page));
  await eachApart(listed, async ({ id }) => {
    let plan = await deps.registry.read('schemaPlan', id);
    if (plan?.status === 'planned' && Date.parse(plan.effective) <= deps.now().getTime()) {
      plan = await putInForce(deps, plan);
      if (plan) changed += 1;
    }
    if (plan && !plan.told) await tellPlan(deps, plan);
  });
  return changed;
}

/** The plan once its schema is the one in force; undefined when something changed meanwhile: the next beat sees it. */
async function putInForce(deps: ControlDeps, plan: SchemaPlan): Promise<SchemaPlan | undefined> {
  const dataset = await deps.registry.read('dataset', plan.dataset);
  const known = dataset?.types.find(({ type }) => type === plan.type);
  if (!dataset || !known || dataset.status === 'retired') {
    await deps.registry.write([{ do: 'remove', noun: 'schemaPlan', id: plan.id }]);
    return undefined;
  }
  const now = deps.now();
  const version = known.schemaVersion + 1;
  const { type, schema } = plan;
  const created: SchemaVersion = { dataset: dataset.id, type, version, schema, createdAt: now.toISOString() };
  const item: SchemaPlan = { ...plan, status: 'in-force', told: false, version };
  const written = await deps.registry.write([
    ...versionChanges(dataset, created, now),
    { do: 'replace', noun: 'schemaPlan', before: plan, item },
  ]);
  return written ? item : undefined;
}

/** The change of a dataset that gives one of its types its next version. */
export function versionChanges(dataset: Dataset, version: SchemaVersion, now: Date): Change[] {
  const types = dataset.types.map((known) =>
    known.type === version.type ? { ...known, schemaVersion: version.version } : known,
  );
  const item = { ...dataset, types, revision: dataset.revision + 1, updatedAt: now.toISOString() };
  return [
    { do: 'replace', noun: 'dataset', before: dataset, item },
    { do: 'create', noun: 'schema', item: version },
  ];
}
