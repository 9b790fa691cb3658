import * as z from 'zod';
import { eventType } from './dataset.ts';
import { instant, opaqueId, readableId } from './ids.ts';
import { fault } from './problem-document.ts';

/** The most bytes of one upload. */
export const MAX_UPLOAD_BYTES = 5_000_000_000;
/** The most bytes of one that is JSON, which is judged, minimised and filtered whole. */
export const MAX_JSON_UPLOAD_BYTES = 10_000_000;

/** CloudEvents JSON format section 3.1: the subtype is `json` or ends in `+json`. */
export const isJsonType = (contentType: string): boolean =>
  /^[^/;]+\/(?:[^/;]+\+)?json\s*(?:;|$)/i.test(contentType);

/** Whether a file is CSV (RFC 4180), its first row the names of its columns. */
export const isCsvType = (contentType: string): boolean => /^text\/csv\s*(?:;|$)/i.test(contentType);

const NDJSON = /^application\/(?:(?:x-)?ndjson|(?:x-)?jsonl|jsonlines)\s*(?:;|$)/i;

/** How a file is read: as one JSON document, as rows, or not at all. */
export function formOf(contentType: string): 'json' | 'rows' | 'raw' {
  if (isJsonType(contentType)) return 'json';
  return isCsvType(contentType) || NDJSON.test(contentType) ? 'rows' : 'raw';
}

/** `POST /uploads`: what will be put, so that nothing else can be. */
export const uploadRequest = z
  .strictObject({
    dataset: readableId,
    type: eventType,
    contentType: z
      .string()
      .max(200)
      .regex(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?$/, 'must be a media type such as image/png'),
    bytes: z.int().min(1).max(MAX_UPLOAD_BYTES),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'must be the SHA-256 of the file as 64 hexadecimal digits')
      .transform((hex) => hex.toLowerCase()),
  })
  .refine(({ contentType, bytes }) => formOf(contentType) !== 'json' || bytes <= MAX_JSON_UPLOAD_BYTES, {
    path: ['bytes'],
    message: `must be at most ${MAX_JSON_UPLOAD_BYTES} for JSON, which is judged whole: send rows as NDJSON`,
  });
export type UploadRequest = z.output<typeof uploadRequest>;

/** A file on its way to become an event, whose id is the upload's own. */
export const upload = z.object({
  id: opaqueId('upload'),
  provider: readableId,
  dataset: readableId,
  type: eventType,
  contentType: z.string(),
  bytes: z.int().positive(),
  sha256: z.string(),
  /** What it is called in the bucket; the day in it is the one on which the bucket forgets it. */
  name: z.string(),
  state: z.enum(['waiting', 'checking', 'accepted', 'refused', 'cancelled']),
  /** Of a file that is put in parts: what the bucket calls them together, and how many bytes each has but the last. */
  parts: z.object({ id: z.string(), bytes: z.int().positive() }).optional(),
  /** How far a file was read that one call could not read to its end, with the state of its hash there (base64). */
  read: z.object({ bytes: z.int(), hash: z.string() }).optional(),
  /** Of a file in rows that becomes several events: how far it was published, and what is published next. */
  published: z
    .object({
      bytes: z.int(),
      rows: z.int(),
      /** A CSV's columns. */
      header: z.array(z.string()).optional(),
      next: z
        .object({
          bytes: z.int(),
          rows: z.int(),
          accepted: z.int(),
          refused: z.int(),
          name: z.string(),
          sha256: z.string(),
        })
        .optional(),
    })
    .optional(),
  /** How many events it became, where it became several: `{id}-1` and so on; `event` is the first of them. */
  events: z.int().optional(),
  /** While it is checked: until then nobody but who holds it goes on. */
  heldUntil: instant.optional(),
  event: z.object({ id: z.string(), source: z.string(), digest: z.string() }).optional(),
  problem: z.object({ kind: z.string(), detail: z.string(), errors: z.array(fault).optional() }).optional(),
  /** Of a file in rows: how many became data, how many did not, and what the report of those is called. */
  rows: z.object({ accepted: z.int(), refused: z.int(), report: z.string().optional() }).optional(),
  createdAt: instant,
  updatedAt: instant,
  /** Until then the file can be put. */
  expiresAt: instant,
  /** Whether nothing can come any more and what is no event's is gone from the bucket. */
  swept: z.boolean(),
  revision: z.int().positive(),
  /** When it is forgotten, in epoch seconds. */
  expires: z.int(),
});
export type Upload = z.infer<typeof upload>;

/** Whether an upload is what it will be: nothing changes it any more. */
export const hasEnded = ({ state }: Pick<Upload, 'state'>): boolean =>
  state !== 'waiting' && state !== 'checking';

/** `POST /uploads/{id}/complete` of a file in parts: what the bucket answered to each; left out, the bucket is asked. */
export const uploadCompletion = z
  .strictObject({
    parts: z
      .array(z.strictObject({ part: z.int().min(1).max(10_000), etag: z.string().min(1).max(200) }))
      .max(10_000)
      .optional(),
  })
  .optional();
export type UploadCompletion = z.output<typeof uploadCompletion>;

/**
 * What a check found: an upload that has ended; one for which nothing was put yet; one that the mesh could not take now;
 * one that somebody else is checking; one that is read on by the next check.
 */
export const uploadCheck = z.enum(['ended', 'absent', 'unavailable', 'busy', 'going']);
export type UploadCheck = z.infer<typeof uploadCheck>;
