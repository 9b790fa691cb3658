import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { HealthPlan } from '../deliver/health.ts';
import type { Chance } from '../deliver/retry.ts';
import type { StandingReader } from '../deliver/standing.ts';
import type { Random } from '../ids.ts';
import type {
  Clock,
  Deliveries,
  HandOver,
  Ledger,
  PullQueues,
  PullReference,
  Quotas,
  Registry,
  Sealer,
} from '../ports.ts';

/** What writing archives needs of the world. */
export interface ArchiveDeps {
  registry: Pick<Registry, 'list' | 'read' | 'readAll' | 'write'>;
  ledger: Pick<Ledger, 'read'>;
  deliveries: Pick<Deliveries, 'read' | 'write'>;
  pullQueues: Pick<PullQueues, 'receive' | 'ack'>;
  quotas: Pick<Quotas, 'take'>;
  sealer: Pick<Sealer, 'derive' | 'unseal'>;
  publicUrl?: string | undefined;
  handOver: HandOver;
  random: Random;
  /** The time that passes while a beat works. */
  clock: Clock;
  /** By which waits are a little longer. */
  chance: Chance;
  territory: Pick<Territory, 'retryWaits' | 'verdictFreshness'> & HealthPlan;
}

/** A reference that was taken out of the queue for a while. */
export interface Leased {
  lease: string;
  reference: PullReference;
  sentAt: Date;
}

/** One round of one archive. */
export interface Round extends ArchiveDeps {
  standings: StandingReader;
  at: Clock;
  subscription: Subscription;
  destination: Subscription['destination'] & { kind: 's3' };
  queue: string;
}
