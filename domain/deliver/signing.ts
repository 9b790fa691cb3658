import type { Subscription } from '../../schemas/subscription.ts';
import type { Sealer, SigningKeys } from '../ports.ts';
import { sourceKey } from './sign.ts';

/**
 * What a subscription's webhook is signed by at an instant: by the secrets that live, unless it asks otherwise; and as
 * whom the mesh asked its receiver.
 */
export async function signingOf(
  sealer: Pick<Sealer, 'unseal' | 'derive'>,
  { destination, secrets, ownership }: Pick<Subscription, 'destination' | 'secrets' | 'ownership'>,
  now: Date,
): Promise<SigningKeys & { origin?: string }> {
  const { signatures = ['v1'] } = destination.kind === 'webhook' ? destination : {};
  const live = secrets.filter(({ until }) => until === undefined || Date.parse(until) > now.getTime());
  return {
    secrets: signatures.includes('v1')
      ? await Promise.all(live.map(({ sealed }) => sealer.unseal(sealed)))
      : [],
    ...(ownership && { origin: ownership.origin }),
    ...(signatures.includes('v1a') && { source: await sourceKey(sealer) }),
  };
}
