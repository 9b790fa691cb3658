import type { Territory } from '../schemas/territory.ts';
import type { Stores } from './ledger-stack.ts';
import type { Names } from './names.ts';
import type { Needs } from './needs.ts';

/** What every step of the mesh is made from. */
export interface MeshProps {
  territory: Territory;
  /** The territory as the functions get it. */
  territoryText: string;
  names: Names;
  stores: Stores;
  needs: Needs;
  /** Where the mesh answers, as others reach it. */
  publicUrl: string;
  /** The name of the bucket of large data. */
  payloadsBucket: string;
  /** Where that is, in path style. */
  payloadsUrl: string;
  /** The roles that consumers let in: of `deliver` to queues and buses, of `clock` to buckets. */
  handingRoles: Record<'deliver' | 'clock', string>;
  /** Where the handlers are, if not in `functions/`. */
  handlers?: string | undefined;
}
