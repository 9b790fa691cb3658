import { Agent, request } from 'node:http';
import type { SQSEvent } from 'aws-lambda';

const agent = new Agent({ keepAlive: true });
const { hostname, port, pathname } = new URL(process.env['BENCH_SINK'] ?? '');

/** A bare loop of `POST` over kept connections: sends what it is given, and neither reads, judges, signs nor records. */
export async function handler({ Records }: SQSEvent): Promise<unknown> {
  await Promise.all(Records.map(({ body }) => post(body)));
  return {};
}

const post = (body: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    request({ agent, hostname, port, path: pathname, method: 'POST', headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end(body);
  });
