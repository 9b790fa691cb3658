import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { decodeTime } from 'ulid';
import type { HandedParcel, HandoverAnswer, Parcel } from '../../domain/ports.ts';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';
import { toBatches } from '../batches.ts';
import { errorOf, type HandOverTo, notTaken } from '../destinations.ts';

/** What one object may hold, before it is compressed. */
export const OBJECT_LIMITS = { items: 1000, bytes: 8_000_000 };

const compress = promisify(gzip);

interface Line {
  delivery: string;
  text: string;
  bytes: number;
}

/**
 * Buckets of consumers as archives: an object for each dataset and day of acceptance (UTC), of one event a line. The
 * name of an object is derived from what is in it, so that the same written again takes its own place.
 */
export function archives({
  client,
  principals,
}: {
  client: S3Client;
  /** The roles that a bucket's policy must let in. */
  principals: string[];
}): HandOverTo<'s3'> {
  return async ({ destination: { bucket, prefix }, parcels }) => {
    const said = new Map<string, HandedParcel>();
    const beginning = prefix === undefined ? '' : `${prefix}/`;
    for (const [partition, some] of Map.groupBy(parcels, partitionOf)) {
      for (const lines of toBatches(some.map(lineOf), OBJECT_LIMITS, ({ bytes }) => bytes)) {
        const Key = `${beginning}${partition}/${nameOf(lines)}.ndjson.gz`;
        const answer = await write(client, { Bucket: bucket, Key }, lines, principals);
        for (const { delivery, bytes } of lines) said.set(delivery, { answer, bytes });
      }
    }
    return parcels.map(({ delivery }) => {
      const answer = said.get(delivery);
      if (!answer) throw new Error('a parcel was left out of its object');
      return answer;
    });
  };
}

async function write(
  client: S3Client,
  place: { Bucket: string; Key: string },
  lines: Line[],
  principals: string[],
): Promise<HandoverAnswer> {
  const Body = await compress(lines.map(({ text }) => text).join(''));
  try {
    await client.send(new PutObjectCommand({ ...place, Body, ContentType: 'application/gzip' }));
    return { kind: 'accepted', receipt: place.Key };
  } catch (error) {
    // Buckets' names are one partition's, which is the mesh's own.
    const [, partition = 'aws'] = principals[0]?.split(':') ?? [];
    const resource = `arn:${partition}:s3:::${place.Bucket}/*`;
    return notTaken(errorOf(error), { principals, action: 's3:PutObject', resource });
  }
}

/** Events of no dataset are the mesh's own: a test is no data. */
function partitionOf({ delivery, event }: Parcel): string {
  if (typeof event['dataset'] !== 'string') return 'test';
  // A delivery's id begins with when its event was accepted.
  const accepted = new Date(decodeTime(delivery.slice(ID_PREFIXES.delivery.length)));
  return `dataset=${event['dataset']}/day=${accepted.toISOString().slice(0, 10)}`;
}

function lineOf({ delivery, event }: Parcel): Line {
  const text = `${JSON.stringify({ ...event, mailledelivery: delivery })}\n`;
  return { delivery, text, bytes: Buffer.byteLength(text) };
}

/** Sorts by the first event in it; the hash tells apart what begins alike. */
function nameOf(lines: Line[]): string {
  const ids = lines.map(({ delivery }) => delivery);
  const hash = createHash('sha256').update(ids.join()).digest('hex').slice(0, 16);
  return `${ids[0] ?? ''}-${hash}`;
}
