import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { bucketPayloads } from '../../adapters/s3/payloads.ts';

it('parts are listed to the last page, which has a marker too and after which S3 begins anew', async () => {
  let asked = 0;
  let joined = '';
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    const after = Number(query.get('part-number-marker') ?? 0);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if ((asked += 1) > 9) return response.writeHead(400).end('it does not end');
      response.writeHead(200, { 'content-type': 'application/xml' });
      if (request.method === 'POST') {
        joined = Buffer.concat(chunks).toString();
        response.end('<CompleteMultipartUploadResult><Key>a</Key></CompleteMultipartUploadResult>');
      } else response.end(pageAfter(after));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-west-3',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
  const payloads = bucketPayloads({ client, bucket: 'payloads' });
  expect(await payloads.joinParts('a', 'upload', 4)).toBe(false);
  expect(asked).toBe(2);
  expect(await payloads.joinParts('a', 'upload', 3)).toBe(true);
  expect([...joined.matchAll(/<PartNumber>(\d)</g)].map(([, number]) => number)).toEqual(['1', '2', '3']);
  client.destroy();
  server.close();
});

/** Three parts, two to a page, as S3 answers: what follows the last part is an empty page with the marker 0. */
function pageAfter(after: number): string {
  const parts = [1, 2, 3].filter((number) => number > after).slice(0, 2);
  const listed = parts.map(
    (number) => `<Part><PartNumber>${number}</PartNumber><ETag>"${number}"</ETag></Part>`,
  );
  const truncated = parts.at(-1) === 2;
  return `<ListPartsResult><IsTruncated>${truncated}</IsTruncated><NextPartNumberMarker>${parts.at(-1) ?? 0}</NextPartNumberMarker>${listed.join('')}</ListPartsResult>`;
}
