import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListPartsCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Buffer } from 'node:buffer';
import type { Payloads } from '../../domain/ports.ts';
import { copyObject } from './copy.ts';

/** Large data in S3. The functions of the flow, which only keep and read it, take `leanPayloads`: files as they come, too. */
export function bucketPayloads({
  client,
  bucket,
}: {
  client: S3Client;
  bucket: string;
}): Omit<Payloads, 'open'> {
  const of = (name: string) => ({ Bucket: bucket, Key: name });
  return {
    async put({ name, body, contentType }) {
      await client.send(new PutObjectCommand({ ...of(name), Body: body, ContentType: contentType }));
    },

    async read(name) {
      try {
        const { Body } = await client.send(new GetObjectCommand(of(name)));
        return Body && Buffer.from(await Body.transformToByteArray());
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },

    async linkToPut(name, { contentType, bytes, sha256 }, seconds) {
      const checksum = Buffer.from(sha256, 'hex').toString('base64');
      const put = { ContentType: contentType, ContentLength: bytes, ChecksumSHA256: checksum };
      const headers = {
        'content-type': contentType,
        'content-length': String(bytes),
        'x-amz-checksum-sha256': checksum,
      };
      const url = await getSignedUrl(client, new PutObjectCommand({ ...of(name), ...put }), {
        expiresIn: seconds,
        // As headers of the signed request, so that no other length, type or content is let in.
        signableHeaders: new Set(['host', ...Object.keys(headers)]),
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      });
      return { url, headers };
    },

    async beginParts(name, contentType) {
      const begun = await client.send(
        new CreateMultipartUploadCommand({ ...of(name), ContentType: contentType }),
      );
      if (begun.UploadId === undefined) throw new Error('the bucket began an upload without a name');
      return begun.UploadId;
    },

    async linkToPart(name, parts, { number, bytes }, seconds) {
      const part = { UploadId: parts, PartNumber: number, ContentLength: bytes };
      const headers = { 'content-length': String(bytes) };
      const url = await getSignedUrl(client, new UploadPartCommand({ ...of(name), ...part }), {
        expiresIn: seconds,
        signableHeaders: new Set(['host', ...Object.keys(headers)]),
      });
      return { url, headers };
    },

    async joinParts(name, parts, count, given) {
      try {
        const Parts = given?.map(({ part, etag }) => ({ PartNumber: part, ETag: etag }));
        const MultipartUpload = {
          Parts: Parts ?? (await partsPut(client, { ...of(name), UploadId: parts })),
        };
        if (MultipartUpload.Parts.length !== count) return false;
        await client.send(
          new CompleteMultipartUploadCommand({ ...of(name), UploadId: parts, MultipartUpload }),
        );
        return true;
      } catch (error) {
        if (error instanceof S3ServiceException && NOT_THERE.has(error.name)) return false;
        throw error;
      }
    },

    async dropParts(name, parts) {
      try {
        await client.send(new AbortMultipartUploadCommand({ ...of(name), UploadId: parts }));
      } catch (error) {
        if (!(error instanceof S3ServiceException && error.name === 'NoSuchUpload')) throw error;
      }
    },

    copy: (from, { name, contentType }) => copyObject(client, { bucket, from, to: name, contentType }),

    link: (name, seconds) => getSignedUrl(client, new GetObjectCommand(of(name)), { expiresIn: seconds }),

    async days() {
      const query = { Bucket: bucket, Prefix: 'until/', Delimiter: '/' };
      const days: string[] = [];
      for await (const { CommonPrefixes } of paginateListObjectsV2({ client }, query))
        for (const { Prefix } of CommonPrefixes ?? []) days.push(Prefix?.split('/')[1] ?? '');
      return days.filter((day) => day !== '').sort();
    },

    async removeDay(day) {
      let removed = 0;
      const query = { Bucket: bucket, Prefix: `until/${day}/` };
      for await (const { Contents } of paginateListObjectsV2({ client }, query)) {
        const Objects = (Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [{ Key }]));
        if (Objects.length === 0) continue;
        const Delete = { Objects, Quiet: true };
        const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete }));
        if (Errors && Errors.length > 0) throw new Error(`${Errors.length} objects were not deleted`);
        removed += Objects.length;
      }
      return removed;
    },

    async names(day, beginning) {
      const names: string[] = [];
      const query = { Bucket: bucket, Prefix: `until/${day}/${beginning}` };
      for await (const { Contents } of paginateListObjectsV2({ client }, query))
        for (const { Key } of Contents ?? []) if (Key !== undefined) names.push(Key);
      return names;
    },

    async remove(name) {
      await client.send(new DeleteObjectCommand(of(name)));
    },
  };
}

/** What S3 says of parts that are not those which were put, or of an upload that was completed or given up. */
const NOT_THERE = new Set(['NoSuchUpload', 'InvalidPart', 'InvalidPartOrder', 'EntityTooSmall']);

/** Page by page, since the SDK's paginator never ends: S3 gives the last page a marker too, and begins anew after it. */
async function partsPut(
  client: S3Client,
  query: { Bucket: string; Key: string; UploadId: string },
  PartNumberMarker?: string,
): Promise<{ PartNumber: number; ETag: string }[]> {
  const page = await client.send(new ListPartsCommand({ ...query, PartNumberMarker }));
  const parts = (page.Parts ?? []).flatMap(({ PartNumber, ETag }) =>
    PartNumber !== undefined && ETag !== undefined ? [{ PartNumber, ETag }] : [],
  );
  return page.IsTruncated ? [...parts, ...(await partsPut(client, query, page.NextPartNumberMarker))] : parts;
}
