import type { PublishableType } from '../../schemas/dataset.ts';
import type { Fault, Problem } from '../../schemas/problem.ts';
import { schemaId } from '../../schemas/schema-id.ts';
import { freshCache } from '../cache.ts';
import type { Registry, SchemaJudge } from '../ports.ts';

/** What a provider may publish, by type; a type stands in each of its datasets that has it. */
export type Catalogue = Map<string, PublishableType[]>;

/** Finds the type that an event is published on, or says why there is none. */
export function resolveType(
  catalogue: Catalogue,
  type: string,
  dataset: unknown,
): { found: PublishableType } | { problem: Problem } {
  const candidates = catalogue.get(type) ?? [];
  const live = candidates.filter(({ retired }) => !retired);
  const named = dataset === undefined ? live : live.filter((candidate) => candidate.dataset === dataset);
  const [found, another] = named;
  if (found && !another) return { found };
  return { problem: { kind: 'not-valid', ...whyUnresolved(catalogue, type, dataset, live) } };
}

function whyUnresolved(
  catalogue: Catalogue,
  type: string,
  dataset: unknown,
  live: PublishableType[],
): { detail: string; errors: Fault[] } {
  const names = live.map((candidate) => candidate.dataset).join(', ');
  if (live.length > 1 && dataset === undefined) {
    const message = `belongs to several of your datasets: set the extension attribute dataset to one of ${names}`;
    return { detail: `The type ${type} ${message}`, errors: [{ path: '/dataset', message }] };
  }
  if (live.length > 0) {
    const message = `must be a dataset of yours that has the type ${type}: ${names}`;
    return { detail: `The dataset ${String(dataset)} ${message}`, errors: [{ path: '/dataset', message }] };
  }
  if (catalogue.get(type)) {
    return {
      detail: `The dataset of ${type} is retired`,
      errors: [{ path: '/type', message: 'belongs to a retired dataset' }],
    };
  }
  const known = [...catalogue.keys()].slice(0, 20).join(', ') || 'none yet: PUT a dataset first';
  const message = `is not a type of your datasets (${known})`;
  return { detail: `The type ${type} ${message}`, errors: [{ path: '/type', message }] };
}

/** Reads catalogues, at most `maxAgeMs` old, and compiled schemas, which never change. */
export function catalogueReader(
  registry: Pick<Registry, 'publishable' | 'read'>,
  schemas: Pick<SchemaJudge, 'judge'>,
  options: { maxAgeMs: number; now: () => number },
): {
  catalogue: (provider: string, renew?: 'renew') => Promise<Catalogue>;
  judgeOf: (type: PublishableType) => Promise<(data: unknown) => Fault[]>;
} {
  const catalogue = freshCache(async (provider) => byType(await registry.publishable(provider)), options);
  const judge = freshCache(
    async (id) => {
      const version = await registry.read('schema', id);
      if (!version) throw new Error(`schema ${id} is named by its dataset but not stored`);
      return schemas.judge(id, version.schema);
    },
    { ...options, maxAgeMs: Number.POSITIVE_INFINITY },
  );
  return { catalogue, judgeOf: (type) => judge(schemaId(type.dataset, type.type, type.schemaVersion)) };
}

/**
 * Finds types for one call. One that is unknown is looked for once more in a catalogue read now, since its dataset may
 * be younger than the one remembered.
 */
export function typeFinder(
  types: Pick<ReturnType<typeof catalogueReader>, 'catalogue'>,
  provider: string,
): (type: string, dataset: unknown) => Promise<ReturnType<typeof resolveType>> {
  let renewed: Promise<Catalogue> | undefined;
  return async (type, dataset) => {
    const resolved = resolveType(await (renewed ?? types.catalogue(provider)), type, dataset);
    if ('found' in resolved || renewed) return resolved;
    renewed = types.catalogue(provider, 'renew');
    return resolveType(await renewed, type, dataset);
  };
}

function byType(types: PublishableType[]): Catalogue {
  const catalogue: Catalogue = new Map();
  for (const type of types) {
    const known = catalogue.get(type.type);
    if (known) known.push(type);
    else catalogue.set(type.type, [type]);
  }
  return catalogue;
}
