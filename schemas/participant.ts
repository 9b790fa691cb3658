import * as z from 'zod';
import { instant, keptInstant, opaqueId, readableId } from './ids.ts';

/** What a participant or a key may be; only an operator gives the last two. */
export const role = z.enum(['provider', 'consumer', 'operator', 'dpo']);
export type Role = z.infer<typeof role>;

/** What a key may do: publish events, consume them, manage datasets, contracts and subscriptions. */
export const scope = z.enum(['publish', 'consume', 'manage']);
export type Scope = z.infer<typeof scope>;

/** A person to reach. */
export const person = z.strictObject({ name: z.string().min(1).max(200), email: z.email() });

const publicKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{43}=$/, 'must be the base64 of a raw ed25519 public key (32 bytes)');

/** `POST /participants`. */
export const participantRequest = z.strictObject({
  id: readableId,
  name: z.string().min(1).max(200),
  roles: z.array(z.enum(['provider', 'consumer'])).min(1),
  contact: person,
  dpo: person.optional(),
  awsAccount: z
    .string()
    .regex(/^\d{12}$/, 'must be an AWS account id of 12 digits')
    .optional(),
  publicKey: publicKey.optional(),
});
export type ParticipantRequest = z.infer<typeof participantRequest>;

/** `PATCH /participants/{id}`. */
export const participantPatch = z
  .strictObject({
    status: z.enum(['active', 'suspended']),
    name: participantRequest.shape.name,
    contact: person,
    dpo: person,
    awsAccount: participantRequest.shape.awsAccount.unwrap(),
    publicKey,
  })
  .partial();
export type ParticipantPatch = z.infer<typeof participantPatch>;

/** An organisation admitted to a territory. */
export const participant = participantRequest.extend({
  status: z.enum(['active', 'suspended']),
  createdAt: instant,
  /** The bus on which it publishes with the AWS SDK; providers only. */
  ingressBus: z.string().optional(),
});
export type Participant = z.infer<typeof participant>;

/** `POST /participants/{id}/keys`. */
export const keyRequest = z.strictObject({
  label: z.string().min(1).max(100),
  scopes: z.array(scope).min(1).default(['publish', 'consume', 'manage']),
  role: z.enum(['operator', 'dpo']).optional(),
  expiresAt: keptInstant.optional(),
});
export type KeyRequest = z.infer<typeof keyRequest>;

/** An API key as kept: the SHA-256 of its secret, never the secret. */
export const apiKey = z.object({
  id: opaqueId('key'),
  participant: readableId,
  /** SHA-256 of the 256-bit secret, hex. */
  hash: z.string(),
  label: z.string(),
  scopes: z.array(scope),
  role: z.enum(['operator', 'dpo']).optional(),
  expiresAt: instant.optional(),
  createdAt: instant,
});
export type ApiKey = z.infer<typeof apiKey>;

/** Who asks: a participant through one of its keys, with the roles and scopes that the key gives. */
export interface Caller {
  participant: string;
  key: string;
  roles: Role[];
  scopes: Scope[];
}
