import { stringify } from 'yaml';
import { canonicalJson } from '../../events/canonical.ts';
import type { Dataset, SchemaVersion } from '../../schemas/dataset.ts';
import { schemaId } from '../../schemas/schema-id.ts';
import type { Caller } from '../../schemas/participant.ts';
import { absent } from '../control.ts';
import type { Clock, Registry } from '../ports.ts';
import { bindingAt } from './due.ts';
import { readContract } from './contracts.ts';
import { type ContractSource, odcsDocument } from './odcs.ts';
import { odrlAgreement } from './odrl.ts';

/** The forms in which a contract is read, by media type; the first one where none is asked for. */
export const DOCUMENTS = {
  'application/json': ({ contract }: ContractSource) => canonicalJson(contract),
  // Readers of YAML 1.1 take an unquoted instant for a date.
  'application/yaml': (source: ContractSource) =>
    stringify(odcsDocument(source), { aliasDuplicateObjects: false, version: '1.1' }),
  'application/ld+json': (source: ContractSource) => JSON.stringify(odrlAgreement(source), null, 2),
} as const;
/** The media type of a document. */
export type DocumentType = keyof typeof DOCUMENTS;

/** The document of a contract, for whoever may read it. */
export async function contractDocument(
  deps: { registry: Pick<Registry, 'read' | 'readAll'>; territory: { id: string }; now: Clock },
  caller: Caller,
  id: string,
  type: DocumentType,
): Promise<string> {
  const contract = await readContract(deps.registry, caller, id);
  const dataset = await deps.registry.read('dataset', contract.dataset);
  if (!dataset) throw absent('dataset', contract.dataset);
  const schemas = await schemasOf(deps.registry, dataset, contract.types);
  const source = {
    contract: bindingAt(contract, deps.now()),
    dataset,
    schemas,
    territory: deps.territory.id,
  };
  return DOCUMENTS[type](source);
}

async function schemasOf(
  registry: Pick<Registry, 'readAll'>,
  { id, types }: Dataset,
  covered: string[] | undefined,
): Promise<SchemaVersion[]> {
  const refs = types
    .filter(({ type }) => covered === undefined || covered.includes(type))
    .map(({ type, schemaVersion }) => ({ noun: 'schema', id: schemaId(id, type, schemaVersion) }) as const);
  const found: (SchemaVersion | undefined)[] = await registry.readAll(refs);
  return found.flatMap((schema) => schema ?? []);
}

/** The media type that an `Accept` header prefers of those offered (RFC 9110 section 12.5.1); the first for none. */
export function preferredType(accept: string | undefined): DocumentType {
  const types = Object.keys(DOCUMENTS) as DocumentType[];
  const ranges = (accept ?? '*/*').split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    return { name, q: q === undefined ? 1 : Number(q.slice(2)) };
  });
  const weight = (type: string): number =>
    [type, `${type.split('/')[0]}/*`, '*/*']
      .map((name) => ranges.find((range) => range.name === name)?.q)
      .find((q) => q !== undefined) ?? 0;
  return types.reduce((best, type) => (weight(type) > weight(best) ? type : best));
}
