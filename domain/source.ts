import type { Territory } from '../schemas/territory.ts';
import { type PublishedKey, publishedKey, sourceKey } from './deliver/sign.ts';
import type { Sealer } from './ports.ts';

/** Who the mesh is, for those whom it sends to. */
export interface SourceIdentity {
  territory: string;
  /** What its requests name as `WebHook-Request-Origin`. */
  origin: string;
  /** By which its `v1a` signatures are verified. */
  keys: PublishedKey[];
}

/** What telling who the mesh is needs of the world. */
export interface SourceDeps {
  sealer: Pick<Sealer, 'derive'>;
  territory: Pick<Territory, 'id'>;
  publicUrl?: string | undefined;
}

/** The name by which the mesh asks whether its events are wanted: the DNS name where it answers. */
export const originOf = ({ publicUrl, territory }: Omit<SourceDeps, 'sealer'>): string =>
  publicUrl === undefined ? territory.id : new URL(publicUrl).hostname;

/** Who the mesh is, with the public half of the key by which it signs. */
export const sourceIdentity = async (deps: SourceDeps): Promise<SourceIdentity> => ({
  territory: deps.territory.id,
  origin: originOf(deps),
  keys: [publishedKey(await sourceKey(deps.sealer))],
});
