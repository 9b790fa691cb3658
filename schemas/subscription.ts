import * as z from 'zod';
import { bucketName, busArn, queueArn } from './arn.ts';
import { eventType } from './dataset.ts';
import { instant, opaqueId, readableId } from './ids.ts';
import { ownership } from './ownership.ts';

const concurrency = z.int().min(1).max(100).default(10);
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/)
  .refine(
    (name) =>
      !/^(webhook-|ce-|host$|content-|transfer-|connection$|te$|upgrade$|trailer$|proxy-|expect$|keep-alive$)/i.test(
        name,
      ),
    {
      message: 'is set by the mesh or by HTTP itself',
    },
  );

/** Where deliveries go. */
export const destination = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('webhook'),
    url: z.url({ protocol: /^https?$/ }).max(2048),
    mode: z.enum(['structured', 'binary', 'batch']).default('structured'),
    headers: z
      .record(
        headerName,
        z
          .string()
          .max(1024)
          .regex(/^[\t\x20-\x7e]*$/),
      )
      .refine((headers) => Object.keys(headers).length <= 20, 'must be at most 20')
      .optional(),
    /** `v1` by the subscription's secret, `v1a` by the key that the mesh publishes; `v1` unless it says otherwise. */
    signatures: z
      .array(z.enum(['v1', 'v1a']))
      .min(1)
      .refine((versions) => new Set(versions).size === versions.length, 'must name each once')
      .optional(),
    concurrency,
  }),
  z.strictObject({ kind: z.literal('sqs'), queueArn, concurrency }),
  z.strictObject({ kind: z.literal('eventbus'), busArn, concurrency }),
  z.strictObject({
    kind: z.literal('s3'),
    bucket: bucketName,
    /** What the names of its objects begin with, up to a `/` that is not written. */
    prefix: z
      .string()
      .max(200)
      .regex(
        /^[\w!.*'()=-]+(?:\/[\w!.*'()=-]+)*$/,
        "must be parts of A-Z, a-z, 0-9 and _!.*'()=- with / between",
      )
      .optional(),
    concurrency,
  }),
  z.strictObject({ kind: z.literal('pull'), concurrency }),
]);
export type Destination = z.infer<typeof destination>;

/** The states of a subscription. */
export const subscriptionStatus = z.enum([
  'unverified',
  'starting',
  'active',
  'paused',
  'failing',
  'disabled',
  'ended',
]);
export type SubscriptionStatus = z.infer<typeof subscriptionStatus>;

/** An EventBridge event pattern on `{type, subject, data}`; `domain/pattern` judges its grammar. */
export const filter = z.record(z.string(), z.unknown());

/** `POST /subscriptions`. */
export const subscriptionRequest = z.strictObject({
  contract: opaqueId('contract'),
  types: z.array(eventType).min(1).max(50).optional(),
  filter: filter.optional(),
  destination,
  label: z.string().min(1).max(200).optional(),
});
export type SubscriptionRequest = z.infer<typeof subscriptionRequest>;

/** `PATCH /subscriptions/{id}`; a filter of null removes it. */
export const subscriptionPatch = z
  .strictObject({
    filter: filter.nullable(),
    destination,
    paused: z.boolean(),
    label: z.string().min(1).max(200),
  })
  .partial();
export type SubscriptionPatch = z.infer<typeof subscriptionPatch>;

/** A webhook secret as kept: sealed by the application's key; the older one signs too until `until`. */
export const sealedSecret = z.object({ sealed: z.string(), until: instant.optional() });

/**
 * Why an endpoint is spared: `open` after a run of failures, with when the next probe may go; `draining` once a probe
 * has arrived, with how many of those that wait the last portion had; `drained` until nobody can add to them any more.
 */
export const circuit = z.object({
  state: z.enum(['open', 'draining', 'drained']),
  since: instant,
  /** Probes that failed in a row. */
  probes: z.int().nonnegative(),
  probeAt: instant,
  portion: z.int().nonnegative(),
});
export type Circuit = z.infer<typeof circuit>;

/** A consumer's standing wish under a contract: one EventBridge rule. */
export const subscription = z.object({
  id: opaqueId('subscription'),
  contract: opaqueId('contract'),
  dataset: readableId,
  provider: readableId,
  consumer: readableId,
  types: z.array(eventType).optional(),
  filter: filter.optional(),
  destination,
  label: z.string().optional(),
  status: subscriptionStatus,
  /** When its present rule was put, and whether it has settled. */
  rule: z.object({
    name: z.string(),
    bus: z.string(),
    putAt: instant,
    settled: z.boolean(),
    replaces: z.string().optional(),
    /** Since when events may have been missed, where that is before it was put. */
    since: instant.optional(),
  }),
  /** Newest first; webhooks only. */
  secrets: z.array(sealedSecret),
  /** The URL of the queue in which references wait: of what is pulled, and of archives. */
  pullQueue: z.string().optional(),
  /** Webhooks only; absent where they were made before it was asked. */
  ownership: ownership.optional(),
  /** Since when each attempt has failed, as far as that is known. */
  failingSince: instant.optional(),
  circuit: circuit.optional(),
  /** When its consumer was last told that a delivery was parked. */
  parkedToldAt: instant.optional(),
  createdAt: instant,
  revision: z.int().positive(),
});
export type Subscription = z.infer<typeof subscription>;
