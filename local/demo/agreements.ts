import type { Contract, ContractRequest } from '../../schemas/contract.ts';
import type { Subscription, SubscriptionRequest } from '../../schemas/subscription.ts';
import { co2Ecoles } from './datasets/co2-ecoles.ts';
import { PARTICIPANTS } from './participants.ts';
import type { MeshClient } from './mesh-client.ts';
import { Trouble } from '../say.ts';

/** What a consumer wants of one dataset: the contract that it asks for, and the subscription under it. */
export interface Agreement {
  consumer: string;
  provider: string;
  contract: Pick<ContractRequest, 'dataset' | 'purpose' | 'legalBasis' | 'terms'>;
  filter?: Record<string, unknown>;
  /** How events come: to the consumer's web server in one of the two modes, or pulled. */
  via: 'structured' | 'binary' | 'pull';
  label: string;
}

const { atmo, bouygues, mobility, app, dashboard, lab } = PARTICIPANTS;
const publicTask = 'RGPD, article 6(1)(e): mission d’intérêt public';

/** Who gets what, for what purpose, on what terms. */
export const AGREEMENTS: readonly Agreement[] = [
  {
    consumer: app.id,
    provider: atmo.id,
    contract: { dataset: 'co2-ecoles', purpose: 'airing', legalBasis: publicTask },
    filter: { data: { co2: [{ numeric: ['>', 1000] }] } },
    via: 'structured',
    label: 'Air the classroom',
  },
  ...[
    { provider: atmo.id, dataset: 'co2-ecoles', legalBasis: publicTask },
    { provider: bouygues.id, dataset: 're2020-batiments' },
    { provider: mobility.id, dataset: 'parkings' },
  ].map(({ provider, ...contract }) => ({
    consumer: dashboard.id,
    provider,
    contract: { ...contract, purpose: 'supervision' },
    via: 'pull' as const,
    label: `Dashboard: ${contract.dataset}`,
  })),
  {
    consumer: lab.id,
    provider: atmo.id,
    contract: {
      dataset: 'co2-ecoles',
      purpose: 'research',
      legalBasis: 'RGPD, articles 6(1)(e) et 89: recherche',
      // Stricter than the offer: curves are enough, so the lab renounces whatever says which school and room it is.
      terms: {
        minimisation: [
          ...co2Ecoles.offer.minimisation,
          { clause: 'no-device', do: 'drop', path: '/data/refDevice' },
          { clause: 'no-school', do: 'drop', path: '/data/refPointOfInterest' },
          { clause: 'no-address', do: 'drop', path: '/data/address' },
          { clause: 'no-place', do: 'drop', path: '/data/location' },
          { clause: 'room-pseudonym', do: 'pseudonymise', path: '/data/id', rotate: 'P30D' },
        ],
      },
    },
    via: 'binary',
    label: 'Research: CO2 curves',
  },
  {
    consumer: lab.id,
    provider: bouygues.id,
    contract: { dataset: 're2020-batiments', purpose: 'research' },
    via: 'binary',
    label: 'Research: buildings',
  },
];

/**
 * A contract in force for an agreement: the one of an earlier run, or a new one that the provider accepts, and the
 * DPO too where the mesh asks for it. Throws when it does not come into force.
 */
export async function agree(
  consumer: MeshClient,
  provider: MeshClient,
  dpo: MeshClient | undefined,
  { contract: wanted }: Agreement,
): Promise<Contract> {
  const mine = await consumer.list<Contract>(`/contracts?role=consumer&dataset=${wanted.dataset}`);
  const same = mine.filter(
    ({ purpose, dataset }) => purpose === wanted.purpose && dataset === wanted.dataset,
  );
  const standing =
    same.find(({ state }) => state === 'active') ?? same.find(({ state }) => state === 'requested');
  let contract = standing ?? (await consumer.ask<Contract>('POST', '/contracts', { json: wanted })).body;
  if (contract.state === 'requested') contract = await accept(provider, contract);
  if (contract.state === 'agreed' && dpo) contract = await accept(dpo, contract);
  if (contract.state === 'active') return contract;
  throw new Trouble(
    `the contract ${contract.id} on ${wanted.dataset} is ${contract.state}, and should be active`,
  );
}

const accept = async (party: MeshClient, { id, digest }: Contract): Promise<Contract> =>
  (await party.ask<Contract>('POST', `/contracts/${id}/accept`, { json: { digest } })).body;

/** A subscription, and the secret that signs what comes on it (webhooks only). */
export interface Subscribed {
  subscription: Subscription;
  secret?: string;
}

/**
 * The agreement's subscription under a contract: a new one, or that of an earlier run with its destination moved to
 * `url` and its secret rotated, since the old secret was shown only once.
 */
export async function subscribe(
  consumer: MeshClient,
  contract: Contract,
  { filter, via, label }: Agreement,
  url: string,
): Promise<Subscribed> {
  const destination = via === 'pull' ? { kind: 'pull' } : { kind: 'webhook', url, mode: via };
  const mine = await consumer.list<Subscription>('/subscriptions');
  const found = mine.find(
    (one) => one.contract === contract.id && one.label === label && one.status !== 'ended',
  );
  if (!found) {
    // `destination` leaves out what has a default; the rest is a subscription request.
    const json = {
      contract: contract.id,
      destination,
      label,
      ...(filter && { filter }),
    } as SubscriptionRequest;
    return (await consumer.ask<Subscribed>('POST', '/subscriptions', { json })).body;
  }
  if (via === 'pull') return { subscription: found };
  const path = `/subscriptions/${found.id}`;
  const { body: subscription } = await consumer.ask<Subscription>('PATCH', path, { json: { destination } });
  const { body } = await consumer.ask<{ secret: string }>('POST', `${path}/secret`);
  return { subscription, secret: body.secret };
}
