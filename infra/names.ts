import type { Territory } from '../schemas/territory.ts';

/** The registry's secondary indexes, each by `{name}pk` and `{name}sk`. */
export const REGISTRY_INDEXES = ['gsi1', 'gsi2', 'gsi3', 'gsi4', 'gsi5', 'gsi6', 'gsi7'] as const;

/** The functions of the mesh; each has a folder in `functions/`. */
export const FUNCTIONS = ['publish', 'admit', 'route', 'deliver', 'pull', 'api', 'clock'] as const;
/** The name of a function. */
export type FunctionName = (typeof FUNCTIONS)[number];

/** What a territory's resources are called: fixed, so that what is made at run time and by hand finds them. */
export interface Names {
  ledgerStack: string;
  meshStack: string;
  ledger: string;
  registry: string;
  deliveries: string;
  /** Followed by `{account}-{region}`. */
  payloadsPrefix: string;
  /** The shared buses, the first one always there. */
  buses: string[];
  delivery: string;
  deliveryDead: string;
  ruleDead: string;
  routeDead: string;
  admitDead: string;
  /** Followed by a participant's id: buses made at run time. */
  ingressPrefix: string;
  /** Followed by a subscription's id: queues made at run time. */
  pullPrefix: string;
  /** The SSM parameter that seals webhook secrets, made at run time. */
  sealingKey: string;
  /** Followed by the version of the key. */
  sealingKeyPrefix: string;
  function: (name: FunctionName) => string;
  clockRule: string;
}

/** The names of a territory's resources. */
export function namesOf({ id, buses }: Pick<Territory, 'id' | 'buses'>): Names {
  const of = (what: string): string => `maille-${id}-${what}`;
  return {
    ledgerStack: of('ledger'),
    meshStack: of('mesh'),
    ledger: of('ledger'),
    registry: of('registry'),
    deliveries: of('deliveries'),
    payloadsPrefix: of('payloads-'),
    buses: Array.from({ length: buses }, (_, at) => (at === 0 ? `maille-${id}` : of(String(at + 1)))),
    delivery: of('delivery'),
    deliveryDead: of('delivery-dead'),
    ruleDead: of('rule-dead'),
    routeDead: of('route-dead'),
    admitDead: of('admit-dead'),
    ingressPrefix: of('in-'),
    pullPrefix: of('pull-'),
    sealingKey: `/maille/${id}/sealing-key/1`,
    sealingKeyPrefix: `/maille/${id}/sealing-key/`,
    function: of,
    clockRule: of('clock'),
  };
}

/** The name of a function's role: fixed, since the policies of consumers name it. Roles are not of one region. */
export const roleNameOf = (
  territory: Pick<Territory, 'id' | 'buses'>,
  name: FunctionName,
  region: string,
): string => `${namesOf(territory).function(name)}-${region}`;
