import {
  CreateBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { memoryPayloads } from '../../adapters/memory/payloads.ts';
import { copyObject } from '../../adapters/s3/copy.ts';
import { leanPayloads } from '../../adapters/s3/lean-payloads.ts';
import { bucketPayloads } from '../../adapters/s3/payloads.ts';
import type { Payloads } from '../../domain/ports.ts';
import { engineClient, engineEndpoint } from './engine.ts';
import { engine, uniqueName } from './given-engine.ts';

const bucket = uniqueName('payloads');
const s3 = () =>
  new S3Client({ ...engine(), forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
const partsUnderWay = async (): Promise<number> =>
  (await s3().send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0;
const inBucket = () => bucketPayloads({ client: s3(), bucket });
const leanly = () => leanPayloads({ client: engineClient().client, url: `${engineEndpoint()}/${bucket}` });
const makers: Record<string, () => Payloads> = {
  memory: () => memoryPayloads(),
  s3: () => ({ ...leanly(), ...inBucket() }),
  's3, kept and read by the lean one': () => ({ ...inBucket(), ...leanly() }),
};
const name = (day: string): string => `until/${day}/${uniqueName('one')}.json`;
const payload = (at: string, text = '{"a":"é"}') => ({
  name: at,
  body: Buffer.from(text),
  contentType: 'application/json',
});

beforeAll(async () => {
  await s3().send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration: { LocationConstraint: 'eu-west-3' },
    }),
  );
});

describe.each(Object.entries(makers))('payloads: %s', (_, make) => {
  it('gives back what was kept, byte for byte, and nothing where there is none', async () => {
    const payloads = make();
    const at = name('2031-01-01');
    expect(await payloads.read(at)).toBeUndefined();
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (__, index) => index % 256));
    await payloads.put({ name: at, body: bytes, contentType: 'image/png' });
    expect(await payloads.read(at)).toEqual(bytes);
    const stream = await payloads.open(at);
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream ?? []) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(bytes);
    await payloads.put(payload(at));
    expect((await payloads.read(at))?.toString()).toBe('{"a":"é"}');
    await payloads.remove(at);
    await payloads.remove(at);
    expect(await payloads.read(at)).toBeUndefined();
    expect(await payloads.open(at)).toBeUndefined();
  });

  it('gives the bytes from one on', async () => {
    const payloads = make();
    const at = name('2031-01-02');
    await payloads.put(payload(at, '0123456789'));
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await payloads.open(at, 7)) ?? []) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('789');
  });

  it('copies what it keeps, and says where there is nothing to copy', async () => {
    const payloads = make();
    const [at, to] = [name('2031-01-03'), name('2031-01-04')];
    const copy = { name: to, contentType: 'image/png' };
    expect(await payloads.copy(at, copy)).toBe(false);
    expect(await payloads.read(to)).toBeUndefined();
    await payloads.put(payload(at));
    expect(await payloads.copy(at, copy)).toBe(true);
    await payloads.remove(at);
    expect((await payloads.read(to))?.toString()).toBe('{"a":"é"}');
  });

  it('tells its days in order, and deletes one of them whole', async () => {
    const payloads = make();
    const [first, second, third] = [name('2032-01-02'), name('2032-01-01'), name('2032-01-01')];
    for (const at of [first, second, third]) await payloads.put(payload(at));
    const days = (await payloads.days()).filter((day) => day.startsWith('2032'));
    expect(days).toEqual(['2032-01-01', '2032-01-02']);
    expect(await payloads.names('2032-01-01', '')).toEqual([second, third].sort());
    const [beginning = ''] = third.split('/').slice(2);
    expect(await payloads.names('2032-01-01', beginning)).toEqual([third]);
    expect(await payloads.names('2032-01-02', beginning)).toEqual([]);
    expect(await payloads.removeDay('2032-01-01')).toBe(2);
    expect(await payloads.read(second)).toBeUndefined();
    expect(await payloads.read(first)).toBeDefined();
    expect(await payloads.removeDay('2032-01-01')).toBe(0);
    expect(await payloads.removeDay('2032-01-02')).toBe(1);
  });
});

describe('on AWS alone', () => {
  it('a signed put lets in the bytes that were declared, and binds their type, length and hash', async () => {
    const payloads = inBucket();
    const at = name('2034-01-01');
    const body = Buffer.from('%PDF-1.7');
    const sha256 = createHash('sha256').update(body).digest();
    const file = { contentType: 'application/pdf', bytes: body.length, sha256: sha256.toString('hex') };
    const { url, headers } = await payloads.linkToPut(at, file, 60);
    const query = new URL(url).searchParams;
    expect(query.get('X-Amz-SignedHeaders')).toBe('content-length;content-type;host;x-amz-checksum-sha256');
    expect(query.get('X-Amz-Expires')).toBe('60');
    expect([...query.keys()].filter((key) => /checksum|crc/i.test(key))).toEqual([]);
    expect(headers).toEqual({
      'content-type': 'application/pdf',
      'content-length': '8',
      'x-amz-checksum-sha256': sha256.toString('base64'),
    });
    expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(200);
    expect(await payloads.read(at)).toEqual(body);
  });

  it('a file is put in parts of bound length, joined once all are there, and gone when they are dropped', async () => {
    const payloads = inBucket();
    const at = name('2035-01-01');
    const parts = await payloads.beginParts(at, 'video/mp4');
    const body = Buffer.alloc(5_242_880 + 10, 7);
    const put = async (number: number, from: number, to: number): Promise<string> => {
      const part = { number, bytes: to - from };
      const { url, headers } = await payloads.linkToPart(at, parts, part, 60);
      const query = new URL(url).searchParams;
      expect(query.get('X-Amz-SignedHeaders')).toBe('content-length;host');
      expect([...query.keys()].filter((key) => /checksum|crc/i.test(key))).toEqual([]);
      const answer = await fetch(url, { method: 'PUT', headers, body: body.subarray(from, to) });
      expect(answer.status).toBe(200);
      return answer.headers.get('etag') ?? '';
    };
    const second = await put(2, 5_242_880, body.length);
    expect(await payloads.joinParts(at, parts, 2)).toBe(false);
    const first = await put(1, 0, 5_242_880);
    const wrong = [first, 'other'].map((etag, index) => ({ part: index + 1, etag }));
    expect(await payloads.joinParts(at, parts, 2, wrong)).toBe(false);
    const right = [first, second].map((etag, index) => ({ part: index + 1, etag }));
    expect(await payloads.joinParts(at, parts, 2, right)).toBe(true);
    expect(await payloads.joinParts(at, parts, 2)).toBe(false);
    expect(await payloads.read(at)).toEqual(body);
    const { ContentType } = await s3().send(new HeadObjectCommand({ Bucket: bucket, Key: at }));
    expect(ContentType).toBe('video/mp4');
    const dropped = await payloads.beginParts(at, 'video/mp4');
    expect(await partsUnderWay()).toBe(1);
    await payloads.dropParts(at, dropped);
    await payloads.dropParts(at, dropped);
    expect(await partsUnderWay()).toBe(0);
  });

  it('what is larger than a part is copied by its parts, and nothing is left of what fails', async () => {
    const payloads = inBucket();
    const [at, to] = [name('2034-01-06'), name('2034-01-06')];
    const body = Buffer.alloc(11_000_000, 'a line of 26 bytes, or so\n');
    await payloads.put({ name: at, body, contentType: 'video/mp4' });
    const copying = { bucket, from: at, to, contentType: 'video/mp4' };
    const partBytes = 5_242_880;
    const client = s3();
    const ranges: unknown[] = [];
    let refused = '';
    client.middlewareStack.add(
      (next) => (args) => {
        const { CopySourceRange } = args.input as { CopySourceRange?: string };
        if (CopySourceRange !== undefined) ranges.push(CopySourceRange);
        if (CopySourceRange !== undefined && CopySourceRange === refused) throw new Error('refused');
        return next(args);
      },
      { step: 'initialize' },
    );
    expect(await copyObject(client, copying, partBytes)).toBe(true);
    expect(ranges.sort()).toEqual(['bytes=0-5242879', 'bytes=10485760-10999999', 'bytes=5242880-10485759']);
    expect((await payloads.read(to))?.equals(body)).toBe(true);
    const copy = await s3().send(new HeadObjectCommand({ Bucket: bucket, Key: to }));
    expect(copy.ContentType).toBe('video/mp4');
    refused = 'bytes=10485760-10999999';
    const other = { ...copying, to: name('2034-01-06') };
    const underWay = await partsUnderWay();
    await expect(copyObject(client, other, partBytes)).rejects.toThrow('refused');
    expect(await payloads.read(other.to)).toBeUndefined();
    expect(await partsUnderWay()).toBe(underWay);
  });

  it('a copy has the type it is given, and nothing else that came with the data', async () => {
    const [at, to] = [name('2036-01-01'), name('2036-01-02')];
    const named = { ContentDisposition: 'attachment; filename="Curie.pdf"', Metadata: { who: 'Curie' } };
    await s3().send(new PutObjectCommand({ Bucket: bucket, Key: at, Body: '%PDF-1.7', ...named }));
    expect(await inBucket().copy(at, { name: to, contentType: 'application/pdf' })).toBe(true);
    const copy = await s3().send(new HeadObjectCommand({ Bucket: bucket, Key: to }));
    expect([copy.ContentType, copy.ContentDisposition, copy.Metadata]).toEqual([
      'application/pdf',
      undefined,
      {},
    ]);
  });

  it('a link fetches the data without a key, for as long as it says', async () => {
    const payloads = inBucket();
    const at = name('2033-01-01');
    await payloads.put(payload(at));
    const url = new URL(await payloads.link(at, 3));
    expect(url.searchParams.get('X-Amz-Expires')).toBe('3');
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      200,
      'application/json',
      '{"a":"é"}',
    ]);
  });
});
