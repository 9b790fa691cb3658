import * as z from 'zod';
import { isDuration, seconds } from './duration.ts';
import { duration } from './iso-duration.ts';
import { instant, keptInstant, readableId } from './ids.ts';

const text = z.union([
  z.string().min(1).max(5000),
  z.strictObject({ fr: z.string().min(1), en: z.string().min(1) }),
]);
const clauseName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be a name of a-z, 0-9 and -');

const pointer = z
  .string()
  .max(500)
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, 'must be a JSON Pointer such as /data/teacher');
const isInEvent = (path: string): boolean =>
  path === '/data' || path.startsWith('/data/') || path === '/subject';

/** A JSON Pointer into the event, `*` standing for each element or member; data and extensions, not the envelope's core. */
export const eventPath = pointer.refine(isInEvent, {
  message: 'must point to /subject, /data or below it: the other attributes are the envelope',
});

/** What can be dropped: the time too, which CloudEvents lets an event do without, and by which two consumers could join. */
const droppablePath = pointer.refine((path) => isInEvent(path) || path === '/time', {
  message: 'must point to /subject, /time, /data or below it: the other attributes are the envelope',
});

/** One clause of minimisation; each has a name of its own, by which a verdict tells it. */
export const minimisationClause = z.discriminatedUnion('do', [
  z.strictObject({ clause: clauseName, do: z.literal('drop'), path: droppablePath }),
  z.strictObject({ clause: clauseName, do: z.literal('round'), path: eventPath, to: z.number().positive() }),
  z.strictObject({
    clause: clauseName,
    do: z.literal('pseudonymise'),
    path: eventPath,
    rotate: duration
      .refine((text) => !isDuration(text) || seconds(text) > 0, 'must be longer than nothing')
      .default('P30D'),
  }),
  z.strictObject({ clause: clauseName, do: z.literal('delay'), by: duration }),
]);
export type MinimisationClause = z.infer<typeof minimisationClause>;

/** A list of clauses with distinct names. */
export const minimisation = z
  .array(minimisationClause)
  .max(50)
  .refine((clauses) => new Set(clauses.map(({ clause }) => clause)).size === clauses.length, {
    message: 'each clause needs a name of its own',
  });

/** How many events a contract gives per day (P1D) or calendar month (P1M), in UTC. */
export const quota = z.strictObject({ events: z.int().positive(), per: z.enum(['P1D', 'P1M']) });
export type Quota = z.infer<typeof quota>;

/** What a contract costs: an amount in a currency (ISO 4217) per event, day or month. */
export const price = z.strictObject({
  amount: z.number().nonnegative(),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR'),
  per: z.enum(['event', 'P1D', 'P1M']),
});

/** The terms a dataset is offered on. */
export const offer = z.strictObject({
  purposes: z.array(z.string().min(1).max(200)).min(1).max(50),
  minimisation: minimisation.default([]),
  quota: quota.optional(),
  price: price.optional(),
  durationDays: z.int().positive().max(36_500).optional(),
  noticeDays: z.int().nonnegative().max(3650).optional(),
  approval: z.enum(['automatic', 'provider', 'provider-and-dpo']),
});
export type Offer = z.infer<typeof offer>;

/** How many days of notice a changed offer gives to contracts whose terms name none. */
export const NOTICE_DAYS = 30;

/** How a new schema version must relate to the one before. */
export const compatibility = z.enum(['backward', 'forward', 'full', 'none']);

/** A JSON Schema 2020-12; its dialect is checked by the adapter that compiles it. */
export const jsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())]);
export type JsonSchema = z.infer<typeof jsonSchema>;

/** A CloudEvents `type`. */
export const eventType = z
  .string()
  .min(1)
  .max(128, 'must have at most 128 characters: it is the detail-type on EventBridge')
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .refine((type) => !type.startsWith('maille.'), 'types that begin with maille. are the notices of the mesh');

const typeRequest = z.strictObject({
  type: eventType,
  schema: jsonSchema,
  compatibility: compatibility.default('backward'),
});

const names = z.array(z.string().min(1).max(300)).min(1).max(50);

/** What a provider declares of its processing of personal data, for the register (GDPR article 30). */
export const processing = z.strictObject({
  /** The provider's own basis (article 6) for collecting the data; each contract has that of its consumer. */
  legalBasis: z.string().min(1).max(500),
  /** Whose data: pupils, drivers, residents. */
  subjects: names,
  /** What of them: names, positions, number plates. */
  categories: names,
  /** Transfers to third countries, each with its safeguard; none unless told. */
  transfers: z
    .array(z.strictObject({ to: z.string().min(1).max(200), safeguard: z.string().min(1).max(1000) }))
    .max(50)
    .default([]),
  /** Measures of security besides those of the mesh. */
  security: names.optional(),
});
export type Processing = z.infer<typeof processing>;

/** `PUT /datasets/{id}`. */
export const datasetRequest = z.strictObject({
  title: text,
  description: text,
  theme: z.string().min(1).max(100),
  keywords: z.array(z.string().min(1).max(100)).max(50).default([]),
  licence: z.string().min(1).max(500),
  access: z.enum(['open', 'shared', 'restricted']),
  visibleTo: z.array(readableId).max(200).optional(),
  personalData: z.boolean(),
  /** Only where there is personal data. */
  processing: processing.optional(),
  retentionDays: z.int().min(1).max(3650),
  offer,
  types: z
    .array(typeRequest)
    .min(1)
    .max(50)
    .refine((types) => new Set(types.map(({ type }) => type)).size === types.length, 'each type stands once'),
});
export type DatasetRequest = z.infer<typeof datasetRequest>;

/** `POST /datasets/{id}/retire`: from a day (UTC) or an instant on there is no more of it. */
export const retireRequest = z.strictObject({
  reason: z.string().min(1).max(1000),
  on: z.union([z.iso.date().transform((day) => `${day}T00:00:00.000Z`), keptInstant]),
});
export type RetireRequest = z.infer<typeof retireRequest>;

/** A type of a dataset with the number of its schema's current version. */
export const datasetType = z.object({ type: eventType, compatibility, schemaVersion: z.int().positive() });

/** What a provider shares. The schemas themselves are versions kept apart. */
export const dataset = datasetRequest.omit({ types: true }).extend({
  id: readableId,
  provider: readableId,
  types: z.array(datasetType),
  status: z.enum(['active', 'retired']),
  /** Why and from when on there is no more of it, and whether everybody with a contract has been told. */
  retirement: z.object({ reason: z.string(), on: instant, told: z.boolean() }).optional(),
  /** When the offer was changed, as long as the contracts in force have not been told. */
  offerChangedAt: instant.optional(),
  /** Counts changes; the `ETag`. */
  revision: z.int().positive(),
  createdAt: instant,
  updatedAt: instant,
});
export type Dataset = z.infer<typeof dataset>;

/** One version of the schema of a type, as accepted; never changed. */
export const schemaVersion = z.object({
  dataset: readableId,
  type: eventType,
  version: z.int().positive(),
  schema: jsonSchema,
  createdAt: instant,
});
export type SchemaVersion = z.infer<typeof schemaVersion>;

/** What a provider may publish: one type of one of its datasets, as the doors in need it. */
export interface PublishableType {
  provider: string;
  dataset: string;
  type: string;
  schemaVersion: number;
  retentionDays: number;
  retired: boolean;
}
