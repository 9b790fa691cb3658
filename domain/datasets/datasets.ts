import type { Dataset, SchemaVersion } from '../../schemas/dataset.ts';
import { schemaId } from '../../schemas/schema-id.ts';
import type { Caller } from '../../schemas/participant.ts';
import { absent, everyItem, tightPage } from '../control.ts';
import type { Page, PageRequest, Registry } from '../ports.ts';

/** What narrows a list of datasets; `q` is looked for in id, title, description, keywords and theme. */
export interface DatasetQuery {
  q?: string | undefined;
  theme?: string | undefined;
  provider?: string | undefined;
  access?: Dataset['access'] | undefined;
}

/** Whether somebody (undefined: the public) may know of a dataset. */
export function isVisible(dataset: Dataset, caller: Caller | undefined): boolean {
  if (dataset.access !== 'restricted') return true;
  if (!caller) return false;
  return isInsider(dataset, caller) || (dataset.visibleTo?.includes(caller.participant) ?? false);
}

/** Contracts that stand, or will again. */
const STANDING = ['active', 'suspended'] as const;

/**
 * A dataset that the caller may read of: who may know of it, and who has a contract on it, whoever is shown it since.
 * Takes as long for one that is not there as for one that is hidden.
 */
export async function readableDataset(
  registry: Pick<Registry, 'read' | 'list'>,
  caller: Caller | undefined,
  id: string,
): Promise<Dataset> {
  const dataset = await registry.read('dataset', id);
  if (dataset && isVisible(dataset, caller)) return dataset;
  const party = caller !== undefined && (await hasContractOn(registry, caller.participant, id));
  if (!dataset || !party) throw absent('dataset', id);
  return dataset;
}

async function hasContractOn(
  registry: Pick<Registry, 'list'>,
  consumer: string,
  id: string,
): Promise<boolean> {
  for (const state of STANDING) {
    const contracts = everyItem((page) =>
      registry.list('contractsOfConsumerInState', { consumer, state }, page),
    );
    for await (const { dataset } of contracts) if (dataset === id) return true;
  }
  return false;
}

/** One dataset, as far as the caller may see it. */
export async function getDataset(
  registry: Pick<Registry, 'read' | 'list'>,
  caller: Caller | undefined,
  id: string,
): Promise<Dataset> {
  return datasetView(await readableDataset(registry, caller, id), caller);
}

/** The datasets that the caller may see. */
export async function listDatasets(
  registry: Pick<Registry, 'list'>,
  caller: Caller | undefined,
  query: DatasetQuery,
  page: PageRequest,
): Promise<Page<Dataset>> {
  const { provider } = query;
  const read = (some: PageRequest): Promise<Page<Dataset>> =>
    provider === undefined
      ? registry.list('datasets', {}, some)
      : registry.list('datasetsOfProvider', { provider }, some);
  const keep = (dataset: Dataset): boolean => isVisible(dataset, caller) && matches(dataset, query);
  const found = await tightPage(read, page, keep);
  return { ...found, items: found.items.map((dataset) => datasetView(dataset, caller)) };
}

/** Every version of a type's schema ever accepted. */
export async function listSchemas(
  registry: Pick<Registry, 'read' | 'list'>,
  caller: Caller | undefined,
  { dataset, type }: { dataset: string; type: string },
  page: PageRequest,
): Promise<Page<SchemaVersion>> {
  await getDataset(registry, caller, dataset);
  const versions = await registry.list('schemasOfType', { dataset, type }, page);
  if (versions.items.length === 0 && page.cursor === undefined) throw absent('type', type);
  return versions;
}

/** One version of a type's schema. */
export async function getSchema(
  registry: Pick<Registry, 'read' | 'list'>,
  caller: Caller | undefined,
  id: { dataset: string; type: string; version: number },
): Promise<SchemaVersion> {
  await getDataset(registry, caller, id.dataset);
  const version = await registry.read('schema', schemaId(id.dataset, id.type, id.version));
  if (!version) throw absent('schema version', String(id.version));
  return version;
}

/** Who else may see a restricted dataset is nobody's business but the provider's and the territory's. */
export function datasetView(dataset: Dataset, caller: Caller | undefined): Dataset {
  if (caller && isInsider(dataset, caller)) return dataset;
  const { visibleTo: _, ...view } = dataset;
  return view;
}

const isInsider = (dataset: Dataset, { participant, roles }: Caller): boolean =>
  dataset.provider === participant || roles.includes('operator') || roles.includes('dpo');

function matches(dataset: Dataset, { q, theme, access }: DatasetQuery): boolean {
  if (theme !== undefined && dataset.theme !== theme) return false;
  if (access !== undefined && dataset.access !== access) return false;
  if (q === undefined) return true;
  const { id, title, description, keywords } = dataset;
  const texts = [id, dataset.theme, ...keywords, ...words(title), ...words(description)].map(plain);
  // Each word somewhere: "air école" finds what has the one in its title and the other among its keywords.
  return plain(q)
    .split(/\s+/)
    .every((word) => texts.some((text) => text.includes(word)));
}

const words = (text: Dataset['title']): string[] => (typeof text === 'string' ? [text] : [text.fr, text.en]);

/** Without case and accents: `ecole` finds École. */
const plain = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
