import * as z from 'zod';
import { eventType, minimisation, offer } from './dataset.ts';
import { instant, opaqueId, readableId } from './ids.ts';

/** The states of a contract, as api.md draws them. */
export const contractState = z.enum([
  'requested',
  'offered',
  'agreed',
  'active',
  'suspended',
  'terminated',
  'rejected',
  'expired',
]);
export type ContractState = z.infer<typeof contractState>;

/** What binds one consumer: the offer's terms, or stricter ones. */
export const terms = offer.omit({ purposes: true, approval: true }).extend({ minimisation });
export type Terms = z.infer<typeof terms>;

/** Terms asked for or offered: what they leave out is as the dataset offers it. */
export const askedTerms = terms.extend({ minimisation: minimisation.optional() });
export type AskedTerms = z.infer<typeof askedTerms>;

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex');

/** An ed25519 signature over a digest, as the 64 characters of its hex text. */
const signature = z
  .string()
  .regex(/^[A-Za-z0-9+/]{86}==$/, 'must be the base64 of an ed25519 signature (64 bytes)');

/** `POST /contracts`. */
export const contractRequest = z.strictObject({
  dataset: readableId,
  purpose: z.string().min(1).max(200),
  types: z.array(eventType).min(1).max(50).optional(),
  legalBasis: z.string().min(1).max(500).optional(),
  from: instant.optional(),
  until: instant.optional(),
  terms: askedTerms.optional(),
  digest: digest.optional(),
  signature: signature.optional(),
});
export type ContractRequest = z.infer<typeof contractRequest>;

/** `POST /contracts/{id}/accept`: what is consented to, by its digest. */
export const acceptance = z.strictObject({ digest, signature: signature.optional() });

/** `POST /contracts/{id}/offer`. */
export const offering = z.strictObject({ terms: askedTerms });

/** `POST /contracts/{id}/extend`. */
export const extension = z.strictObject({ until: instant });

/** One transition of a contract: who, when, from which state to which, and why. */
export const transition = z.object({
  at: instant,
  by: readableId,
  /** What was done; `from` and `to` are the same where it left the state as it was. */
  action: z.string().optional(),
  from: contractState.nullable(),
  to: contractState,
  reason: z.string().optional(),
});

/** In what capacity somebody consents. */
export const part = z.enum(['provider', 'consumer', 'dpo']);

/** Somebody's consent to what a digest stands for, with the key that proves its signature. */
export const consent = z.object({
  by: readableId,
  as: part,
  at: instant,
  digest,
  signature: signature.optional(),
  publicKey: z.string().optional(),
});
export type Consent = z.infer<typeof consent>;

/** A revision that waits: the standing terms hold until it is accepted. */
export const proposal = z.object({
  kind: z.enum(['offer', 'extend']),
  by: z.enum(['provider', 'consumer']),
  at: instant,
  datasetRevision: z.int(),
  terms,
  until: instant.optional(),
  digest,
  consents: z.array(consent),
  /** Both parties have consented; the DPO still has to. */
  agreed: z.boolean(),
});
export type Proposal = z.infer<typeof proposal>;

/** The terms to which a changed offer of the dataset binds the contract, from their day. */
export const termsChange = z.object({
  from: instant,
  announcedAt: instant,
  datasetRevision: z.int(),
  terms,
});

/** An agreement between one provider and one consumer on one dataset. */
export const contract = z.object({
  id: opaqueId('contract'),
  dataset: readableId,
  datasetRevision: z.int(),
  provider: readableId,
  consumer: readableId,
  purpose: z.string(),
  types: z.array(eventType).optional(),
  legalBasis: z.string().optional(),
  from: instant,
  until: instant.optional(),
  terms,
  approval: offer.shape.approval,
  state: contractState,
  suspendedBy: readableId.optional(),
  history: z.array(transition),
  digest: z.string(),
  /** Who has consented to the digest. */
  consents: z.array(consent).optional(),
  proposed: proposal.optional(),
  termsChange: termsChange.optional(),
  /** Of the notices before the end, the one nearest to it that was sent or had no time to be: days. */
  reminded: z.int().optional(),
  createdAt: instant,
  revision: z.int().positive(),
});
export type Contract = z.infer<typeof contract>;
