import * as z from 'zod';
import { contractState } from './contract.ts';
import { processing } from './dataset.ts';
import { instant, opaqueId } from './ids.ts';
import { person } from './participant.ts';

/** Somebody who answers for processing: a provider for its dataset, the territory for its participants. */
export const controller = z.object({
  id: z.string(),
  name: z.string(),
  contact: person.optional(),
  dpo: person.optional(),
});

/** Somebody who gets personal data, by which contract and on what basis. */
export const recipient = z.object({
  participant: z.string(),
  name: z.string(),
  contract: opaqueId('contract'),
  state: contractState,
  purpose: z.string(),
  legalBasis: z.string().optional(),
  from: instant,
  until: instant.optional(),
});

/** One processing activity, with what GDPR article 30 asks of its record. */
export const registerEntry = z.object({
  /** The dataset; absent for what the territory itself keeps of its participants. */
  dataset: z.string().optional(),
  title: z.union([z.string(), z.object({ fr: z.string(), en: z.string() })]),
  controller,
  purposes: z.array(z.string()),
  legalBasis: z.string().optional(),
  subjects: z.array(z.string()),
  categories: z.array(z.string()),
  recipients: z.array(recipient),
  retention: z.string(),
  transfers: processing.shape.transfers,
  security: z.array(z.string()),
  /** What nobody has declared yet, as JSON Pointers into the dataset or the recipients. */
  missing: z.array(z.string()),
});
export type RegisterEntry = z.infer<typeof registerEntry>;

/** `GET /register`: the record of processing activities of the territory. */
export const register = z.object({
  territory: z.object({ id: z.string(), name: z.string() }),
  at: instant,
  /** How long copies outlive what was deleted, and where. */
  backups: z.array(z.object({ where: z.string(), days: z.number(), why: z.string() })),
  entries: z.array(registerEntry),
});
export type Register = z.infer<typeof register>;
