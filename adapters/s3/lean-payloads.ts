import { Buffer } from 'node:buffer';
import { setTimeout as wait } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Payloads } from '../../domain/ports.ts';

const TRIES = 3;
const TIMEOUT_MS = 10_000;
/** How long one call may read an upload: longer than a check of one goes on. */
const STREAM_TIMEOUT_MS = 25_000;
/** How much of a file one request asks for: who stops reading wastes no more than that. */
export const STRETCH_BYTES = 16 * 1024 * 1024;

/**
 * Keeps and reads large data with nothing but what a function of the flow has loaded anyway: the S3 client would be
 * larger than all the rest of it. `client` lends its region, credentials and hash.
 */
export function leanPayloads({
  client,
  url,
}: {
  client: DynamoDBClient;
  /** Where the bucket is, in path style. */
  url: string;
}): Pick<Payloads, 'put' | 'read' | 'open' | 'remove'> {
  const { region, credentials, sha256 } = client.config;
  const signer = new SignatureV4({ service: 's3', region, credentials, sha256, uriEscapePath: false });
  const send = async (
    method: string,
    name: string,
    body?: Buffer,
    contentType?: string,
    { signal = AbortSignal.timeout(TIMEOUT_MS), range }: { signal?: AbortSignal; range?: string } = {},
  ): Promise<Response> => {
    const { protocol, hostname, port, host, pathname } = new URL(`${url}/${name}`);
    const signed = await signer.sign({
      method,
      protocol,
      hostname,
      ...(port !== '' && { port: Number(port) }),
      path: pathname,
      query: {},
      headers: {
        host,
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(range !== undefined && { range }),
      },
      ...(body && { body }),
    });
    return fetch(`${url}/${name}`, {
      method,
      headers: signed.headers,
      signal,
      ...(body && { body: new Uint8Array(body) }),
    });
  };
  return {
    async put({ name, body, contentType }) {
      const { ok, status } = await tried(() => send('PUT', name, body, contentType));
      if (!ok) throw new Error(`the bucket answered ${status} to large data`);
    },
    async read(name) {
      const answer = await tried(() => send('GET', name));
      if (answer.status === 404) return undefined;
      judge(answer);
      return Buffer.from(await answer.arrayBuffer());
    },
    async open(name, from = 0) {
      const signal = AbortSignal.timeout(STREAM_TIMEOUT_MS);
      const get = (at: number): Promise<Response> => {
        const range = `bytes=${at}-${at + STRETCH_BYTES - 1}`;
        return tried(() => send('GET', name, undefined, undefined, { signal, range }));
      };
      const first = await get(from);
      if (first.status === 404) return undefined;
      judge(first);
      return inStretches(first, from, get);
    },
    async remove(name) {
      const { ok, status } = await tried(() => send('DELETE', name));
      if (!ok && status !== 404) throw new Error(`the bucket answered ${status} to a removal`);
    },
  };
}

/** What is the service's or the network's fault is tried again. */
async function tried(send: () => Promise<Response>): Promise<Response> {
  for (let count = 1; ; count += 1) {
    const answer = await send().catch((error: unknown) => {
      if (count >= TRIES) throw error;
      return undefined;
    });
    if (answer && (answer.status < 500 || count >= TRIES)) return answer;
    await wait(50 * 2 ** count);
  }
}

/** From its end on a file has no range (RFC 9110 section 15.5.17). */
const END_OF_FILE = 416;

function judge({ ok, status }: Response): void {
  if (!ok && status !== END_OF_FILE) throw new Error(`the bucket answered ${status}, and not large data`);
}

/**
 * A file, stretch by stretch. One that breaks off is asked for again from there: whoever reads it may pause for longer than
 * the service keeps a connection.
 */
async function* inStretches(
  first: Response,
  from: number,
  get: (at: number) => Promise<Response>,
): AsyncGenerator<Uint8Array> {
  let [answer, at, broken] = [first, from, 0];
  while (answer.status !== END_OF_FILE) {
    judge(answer);
    try {
      for await (const chunk of answer.body ?? []) {
        at += chunk.length;
        yield chunk;
      }
      if (at >= sizeTold(answer)) return;
    } catch (error) {
      broken += 1;
      if (broken >= TRIES) throw error;
    }
    answer = await get(at);
  }
}

/** How large the whole file is, of which an answer has a range (RFC 9110 section 14.4). */
const sizeTold = ({ headers }: Response): number =>
  Number(/\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? 0);
