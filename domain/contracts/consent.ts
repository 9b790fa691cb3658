import { createPublicKey, verify } from 'node:crypto';
import type { Consent, Contract } from '../../schemas/contract.ts';
import type { Caller } from '../../schemas/participant.ts';
import type { Fault } from '../../schemas/problem.ts';
import type { Registry } from '../ports.ts';

/** A digest that somebody consents to, with a signature over it where they gave one. */
export interface Given {
  digest: string;
  signature?: string | undefined;
}

/** The consent of a caller at an instant, and what keeps its signature from proving itself. */
export async function consentOf(
  registry: Pick<Registry, 'read'>,
  caller: Caller,
  as: Consent['as'],
  { digest, signature }: Given,
  now: Date,
): Promise<{ consent: Consent; faults: Fault[] }> {
  const consent: Consent = { by: caller.participant, as, at: now.toISOString(), digest };
  if (signature === undefined) return { consent, faults: [] };
  const publicKey = (await registry.read('participant', caller.participant))?.publicKey;
  if (publicKey === undefined) {
    const message = 'needs a publicKey of yours, which the operator registers';
    return { consent, faults: [{ path: '/signature', message }] };
  }
  const message = 'is not one by your registered publicKey over the digest';
  const faults = isSigned(digest, signature, publicKey) ? [] : [{ path: '/signature', message }];
  return { consent: { ...consent, signature, publicKey }, faults };
}

/** The consents to what a digest stands for, without those to what stood before. */
export const standingConsents = ({
  consents = [],
  digest,
}: Pick<Contract, 'consents' | 'digest'>): Consent[] =>
  consents.filter((consent) => consent.digest === digest);

/** Whether a signature (base64) by a raw ed25519 key (base64) is over the hex text of a digest. */
export function isSigned(digest: string, signature: string, publicKey: string): boolean {
  const x = Buffer.from(publicKey, 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, Buffer.from(digest), key, Buffer.from(signature, 'base64'));
}
