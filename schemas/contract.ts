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

/** `POST /contracts`. */
export const contractRequest = z.strictObject({
  dataset: readableId,
  purpose: z.string().min(1).max(200),
  types: z.array(eventType).min(1).max(50).optional(),
  legalBasis: z.string().min(1).max(500).optional(),
  from: instant.optional(),
  until: instant.optional(),
  terms: terms.optional(),
  digest: z.string().optional(),
  signature: z.string().optional(),
});
export type ContractRequest = z.infer<typeof contractRequest>;

/** One transition of a contract: who, when, from which state to which, and why. */
export const transition = z.object({
  at: instant,
  by: readableId,
  from: contractState.nullable(),
  to: contractState,
  reason: z.string().optional(),
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
  createdAt: instant,
  revision: z.int().positive(),
});
export type Contract = z.infer<typeof contract>;
