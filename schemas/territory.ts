import * as z from 'zod';
import { bucketName, busArn, queueArn } from './arn.ts';
import { isDuration, seconds } from './duration.ts';
import { duration } from './iso-duration.ts';
import { readableId } from './ids.ts';

/** Waits between the attempts of a delivery, from api.md; after the last one it is parked. */
export const DEFAULT_RETRY_WAITS = ['PT5S', 'PT5M', 'PT30M', 'PT2H', 'PT5H', 'PT10H', 'PT10H'];

/**
 * The oldest that what a verdict reads may be: promise 2 allows 5 s from a change to the last request, and making the
 * request and its connection need their part of them.
 */
export const MOST_VERDICT_AGE = 'PT2S';

/** What S3 takes by one request is 5 GiB; the largest upload is less. */
const MOST_PUT_BYTES = 5_000_000_000;

const atMost = (most: string) =>
  duration.refine((text) => !isDuration(text) || seconds(text) <= seconds(most), `must be at most ${most}`);

/**
 * One territory: one deployment. Every duration of the mesh is declared here, so that a test territory differs
 * from a real one by its file only.
 */
export const territory = z.strictObject({
  id: readableId,
  name: z.string().min(1),
  /** `development` lets the stores be deleted with the stack; `production` keeps them. */
  stage: z.enum(['development', 'production']).default('production'),
  retryWaits: z.array(duration).min(1).default(DEFAULT_RETRY_WAITS),
  /** After so many failures in a row an endpoint is spared: what comes for it waits, and only probes are sent. */
  circuitFailures: z.int().min(1).max(1000).default(10),
  /** How long after that the first probe is sent; twice as long after each one that fails, at most `probeAtMost`. */
  probeEvery: duration.default('PT1M'),
  probeAtMost: duration.default('PT15M'),
  /** Over how long a portion of what waited for an endpoint is spread when that is well again; at most 15 minutes. */
  drainOver: duration.refine((text) => seconds(text) <= 900, 'must be at most PT15M').default('PT1M'),
  /** How often one subscription is told of deliveries that were parked. */
  parkedNoticeEvery: duration.default('PT1H'),
  /** How long one request to a webhook may take. */
  webhookTimeout: duration.default('PT15S'),
  /** How long both secrets sign after a rotation. */
  secretOverlap: duration.default('P1D'),
  /** How long a new rule is given before what came since is routed again. */
  ruleSettling: duration.default('PT2M'),
  /** How old what the verdict reads may be. */
  verdictFreshness: atMost(MOST_VERDICT_AGE).default(MOST_VERDICT_AGE),
  /** How long one pulled message stays leased, unless extended. */
  leaseDuration: duration.default('PT1M'),
  /**
   * How long what nobody fetched waits in a queue of its subscription before it is parked: SQS drops it after 14 days, and
   * the clock needs its time.
   */
  pullRetention: atMost('P13D').default('P13D'),
  /**
   * How long after it was sent the clock sends on again what lies in the dead letters, three times as long after each
   * time. Looked for as often.
   */
  redriveAfter: duration.default('PT15M'),
  /** How long a delivery lies in the dead letters at the end before it is parked: SQS drops it after 14 days. */
  deadLetterRetention: atMost('P13D').default('P5D'),
  /** How long a failing subscription is tried before it is disabled. */
  disableAfter: duration.default('P5D'),
  /** How long an answer is kept under its Idempotency-Key. */
  idempotency: duration.default('P1D'),
  /** How often all rules are compared with the registry; what one may have missed in an hour is routed again. */
  reconcileEvery: atMost('PT1H').default('PT15M'),
  /** How often what has expired is looked for; deliveries every 24th time. */
  sweepEvery: duration.default('PT1H'),
  /** How long the store is given to delete by its own time to live, which costs nothing; hidden it is at once. */
  sweepAfter: duration.default('P2D'),
  /** How long a file can be put after its upload was begun. */
  uploadFor: atMost('PT12H').default('PT1H'),
  /** The most bytes of a file that is put by one request; a larger one is put in parts of `uploadPartBytes`. */
  uploadPutBytes: z.int().min(1).max(MOST_PUT_BYTES).default(100_000_000),
  /** S3 takes no smaller part, but for the last one. */
  uploadPartBytes: z.int().min(5_242_880).max(MOST_PUT_BYTES).default(50_000_000),
  /** The most bytes of rows that become one event; a larger file becomes several, of half as many bytes each. */
  uploadRowsBytes: z.int().min(1000).max(10_000_000).default(10_000_000),
  /** How long one call reads a file before it leaves the rest to the next beat of the clock. */
  uploadCheckFor: atMost('PT20S').default('PT15S'),
  /** How long refused publications can be read. */
  rejectionRetention: duration.default('P7D'),
  /** Lets webhooks reach private and loopback addresses over plain HTTP: local engines only. */
  privateWebhooks: z.boolean().default(false),
  /** The ports on which webhooks may be reached; any where private addresses may be. */
  webhookPorts: z.array(z.int().min(1).max(65_535)).min(1).default([443, 8443]),
  /**
   * Whether a webhook's receiver must show that it wants a subscription's events before the first; `offered` takes those
   * that know no handshake as they are.
   */
  webhookOwnership: z.enum(['required', 'offered']).default('required'),
  /**
   * Where the mesh answers, as others reach it, without a / at the end: a domain of the territory's own. `{api}` is the
   * id of the REST API, `{endpoint}` where AWS answers on a local engine. Without it, the address that AWS gives.
   */
  publicUrl: z
    .string()
    .regex(/^(?:https?:\/\/|\{endpoint\}\/)\S*[^/\s]$/, 'must be a URL without a / at the end')
    .optional(),
  /**
   * What of the mesh's own account may be named as a destination: ARNs of queues and buses, names of buckets. Nothing
   * that is called `maille-…`: nobody makes the mesh write on what is its own.
   */
  ownDestinations: z
    .array(
      z
        .union(
          [queueArn, busArn, bucketName],
          'must be the ARN of a standard queue or bus, or the name of a bucket',
        )
        .refine((text) => !/(?:^|[:/])maille-/.test(text), "must not be the mesh's own: maille-…"),
    )
    .max(30)
    .default([]),
  /** Shared buses beyond the first, once one nears 300 rules. */
  buses: z.int().min(1).max(10).default(1),
  /** From which address notices go out by e-mail, verified in SES; without one they do not. */
  noticeSender: z.email().optional(),
  /** Who is told by e-mail of alarms. */
  alarmEmail: z.email().optional(),
});
/** A validated territory. */
export type Territory = z.output<typeof territory>;
