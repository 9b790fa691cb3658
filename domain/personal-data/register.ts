import type { Contract } from '../../schemas/contract.ts';
import type { Dataset } from '../../schemas/dataset.ts';
import type { Participant } from '../../schemas/participant.ts';
import type { Register, RegisterEntry } from '../../schemas/register.ts';
import type { Territory } from '../../schemas/territory.ts';
import { everyItem } from '../control.ts';
import type { Registry } from '../ports.ts';

/** The most things that one registry read takes. */
const MAX_READ = 100;

/** How long what was deleted lives on in copies that nobody can read an event from by the mesh. */
export const BACKUPS: Register['backups'] = [
  { where: 'tables', days: 35, why: 'point-in-time recovery; a restored table is swept and erased again' },
  { where: 'queues', days: 14, why: 'events on their way; what was erased is refused when it leaves them' },
  { where: 'stream', days: 1, why: 'accepted events before they are routed' },
];

/** What protects every dataset, whatever its provider adds. */
const MEASURES = [
  'encryption in transit (TLS) and at rest',
  'a contract judged at each delivery, with minimisation before signing',
  'API keys kept as hashes, webhook secrets sealed',
  'an append-only audit of every decision',
  'no event data in logs',
];

/** The record of processing activities (GDPR article 30), out of what the registry holds at this instant. */
export async function registerOf(
  {
    registry,
    territory,
  }: { registry: Pick<Registry, 'list' | 'readAll'>; territory: Pick<Territory, 'id' | 'name'> },
  now: Date,
): Promise<Register> {
  const entries: RegisterEntry[] = [ofParticipants(territory)];
  const datasets = everyItem<Dataset>((page) => registry.list('datasetsWithPersonalData', {}, page));
  for await (const dataset of datasets) entries.push(await entryOf(registry, dataset));
  const { id, name } = territory;
  return { territory: { id, name }, at: now.toISOString(), backups: BACKUPS, entries };
}

async function entryOf(
  registry: Pick<Registry, 'list' | 'readAll'>,
  dataset: Dataset,
): Promise<RegisterEntry> {
  const contracts: Contract[] = [];
  const all = everyItem<Contract>((page) =>
    registry.list('contractsOfDataset', { dataset: dataset.id }, page),
  );
  for await (const contract of all) contracts.push(contract);
  const ids = [dataset.provider, ...contracts.map(({ consumer }) => consumer)];
  const known = await participantsOf(registry, [...new Set(ids)]);
  const { processing, retentionDays, offer } = dataset;
  const recipients = contracts.map((contract) => recipientOf(contract, known.get(contract.consumer)));
  return {
    dataset: dataset.id,
    title: dataset.title,
    controller: controllerOf(dataset.provider, known.get(dataset.provider)),
    purposes: [...new Set([...offer.purposes, ...contracts.map(({ purpose }) => purpose)])],
    ...(processing && { legalBasis: processing.legalBasis }),
    subjects: processing?.subjects ?? [],
    categories: processing?.categories ?? [],
    recipients,
    retention: `${retentionDays} days from acceptance, then deleted`,
    transfers: processing?.transfers ?? [],
    security: [...MEASURES, ...clausesOf(dataset), ...(processing?.security ?? [])],
    missing: [
      ...(processing ? [] : ['/processing/legalBasis', '/processing/subjects', '/processing/categories']),
      ...recipients.flatMap(({ legalBasis }, index) =>
        legalBasis === undefined ? [`/recipients/${index}/legalBasis`] : [],
      ),
    ],
  };
}

const clausesOf = ({ offer }: Dataset): string[] =>
  offer.minimisation.map((clause) =>
    clause.do === 'delay'
      ? `minimisation ${clause.clause}: delayed by ${clause.by}`
      : `minimisation ${clause.clause}: ${clause.do} ${clause.path}`,
  );

async function participantsOf(
  registry: Pick<Registry, 'readAll'>,
  ids: string[],
): Promise<Map<string, Participant>> {
  const known = new Map<string, Participant>();
  for (let start = 0; start < ids.length; start += MAX_READ) {
    const refs = ids.slice(start, start + MAX_READ).map((id) => ({ noun: 'participant', id }) as const);
    for (const found of await registry.readAll(refs)) if (found) known.set(found.id, found);
  }
  return known;
}

const controllerOf = (id: string, known: Participant | undefined): RegisterEntry['controller'] => ({
  id,
  name: known?.name ?? id,
  ...(known && { contact: known.contact }),
  ...(known?.dpo && { dpo: known.dpo }),
});

function recipientOf(
  contract: Contract,
  known: Participant | undefined,
): RegisterEntry['recipients'][number] {
  const { consumer, id, state, purpose, legalBasis, from, until } = contract;
  return {
    participant: consumer,
    name: known?.name ?? consumer,
    contract: id,
    state,
    purpose,
    ...(legalBasis !== undefined && { legalBasis }),
    from,
    ...(until !== undefined && { until }),
  };
}

/** What the territory itself keeps of people: the contacts of its participants. */
const ofParticipants = ({ id, name }: Pick<Territory, 'id' | 'name'>): RegisterEntry => ({
  title: { fr: 'Contacts des participants', en: "Participants' contacts" },
  controller: { id, name },
  purposes: ['administration of the mesh'],
  legalBasis: 'contract',
  subjects: ['contact persons and data protection officers of participants'],
  categories: ['names', 'e-mail addresses'],
  recipients: [],
  retention: 'as long as the participant is admitted',
  transfers: [],
  security: MEASURES,
  missing: [],
});
