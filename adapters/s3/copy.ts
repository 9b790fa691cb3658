import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';

/** What is copied from where to where, within one bucket. */
export interface Copying {
  bucket: string;
  from: string;
  to: string;
  contentType: string;
}

/** So much S3 copies in one call within a second or two; of 5 GB that would be too long for a request. */
const PART_BYTES = 134_217_728;

/**
 * Lets S3 copy an object, its bytes alone: what is larger than a part by its parts, all at the same time. False where there
 * is no such object; when it throws, nothing is left behind. `partBytes` is at least S3's 5 MiB.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/CopyingObjectsMPUapi.html
 */
export async function copyObject(
  client: S3Client,
  copying: Copying,
  partBytes = PART_BYTES,
): Promise<boolean> {
  const { bucket: Bucket, from, to, contentType: ContentType } = copying;
  try {
    const { ContentLength = 0 } = await client.send(new HeadObjectCommand({ Bucket, Key: from }));
    if (ContentLength > partBytes) await copyParts(client, copying, rangesOf(ContentLength, partBytes));
    else
      await client.send(
        new CopyObjectCommand({
          Bucket,
          Key: to,
          CopySource: `${Bucket}/${from}`,
          // Or it would keep what else its publisher put with it, such as a file name.
          MetadataDirective: 'REPLACE',
          ContentType,
        }),
      );
    return true;
  } catch (error) {
    if (error instanceof S3ServiceException && ABSENT.has(error.name)) return false;
    throw error;
  }
}

/** What S3 says of an object that is not there: a HEAD has no body that could name it. */
const ABSENT = new Set(['NotFound', 'NoSuchKey']);

/** The parts of so many bytes, as `x-amz-copy-source-range` names them: both ends are included. */
const rangesOf = (bytes: number, partBytes: number): string[] =>
  Array.from({ length: Math.ceil(bytes / partBytes) }, (_, part) => {
    const first = part * partBytes;
    return `bytes=${first}-${Math.min(first + partBytes, bytes) - 1}`;
  });

async function copyParts(
  client: S3Client,
  { bucket, from, to, contentType }: Copying,
  ranges: string[],
): Promise<void> {
  const at = { Bucket: bucket, Key: to };
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...at, ContentType: contentType }),
  );
  const copied = await Promise.allSettled(
    ranges.map(async (CopySourceRange, index) => {
      const part = { UploadId, PartNumber: index + 1, CopySource: `${bucket}/${from}`, CopySourceRange };
      const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ ...at, ...part }));
      return { PartNumber: part.PartNumber, ETag: CopyPartResult?.ETag };
    }),
  );
  const failed = copied.find((part) => part.status === 'rejected');
  if (failed) {
    // Only now that none is under way: a part that arrives later would be kept.
    await client.send(new AbortMultipartUploadCommand({ ...at, UploadId }));
    throw failed.reason;
  }
  const Parts = copied.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
  await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
}
