import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

/** One event that came by webhook with a valid signature. */
export interface ReceivedEvent {
  /** The delivery's id: `webhook-id`, the same on every attempt. */
  delivery: string;
  id: string;
  type: string;
  data: unknown;
}

/** A consumer's web server. */
export interface Receiver {
  url: string;
  /** Verifies from now on with this secret, besides those given before; until the first, senders are asked to wait. */
  trust(secret: string): void;
  close(): Promise<void>;
}

const LARGEST_BODY = 1_048_576;

/**
 * Starts a web server on a free port of 127.0.0.1 that takes signed events (structured or binary CloudEvents) and
 * hands on each that verifies: 204. A bad signature is a 400. Asked by OPTIONS, it consents.
 */
export async function startReceiver(onEvent: (event: ReceivedEvent) => void): Promise<Receiver> {
  const trusted: Webhook[] = [];
  const server = createServer((request, response) => {
    // The handshake of CloudEvents (HTTP webhook, section 4): this receiver wants events of whoever has its secret.
    if (request.method === 'OPTIONS') {
      response.writeHead(200, { allow: 'POST', 'webhook-allowed-origin': '*', 'webhook-allowed-rate': '*' });
      return response.end();
    }
    receive(request, trusted)
      .then(({ status, event }) => {
        answer(response, status);
        if (event) onEvent(event);
      })
      .catch(() => response.headersSent || answer(response, 400));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  // A TCP server that listens has an address of this form.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/events`,
    trust: (secret) => void trusted.unshift(new Webhook(secret)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function receive(
  request: IncomingMessage,
  trusted: Webhook[],
): Promise<{ status: number; event?: ReceivedEvent }> {
  if (request.method !== 'POST') return { status: 405 };
  const body = await bodyOf(request);
  if (body === undefined) return { status: 413 };
  if (trusted.length === 0) return { status: 503 };
  const headers = headersOf(request);
  if (!trusted.some((webhook) => verifies(webhook, body, headers))) return { status: 400 };
  return { status: 204, event: eventOf(headers, body) };
}

function verifies(webhook: Webhook, body: string, headers: Record<string, string>): boolean {
  try {
    webhook.verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

function eventOf(headers: Record<string, string>, body: string): ReceivedEvent {
  const delivery = headers['webhook-id'] ?? '';
  const content: unknown = JSON.parse(body);
  const binary = headers['ce-specversion'] !== undefined;
  // The signature is valid, so this is what the mesh sent: a CloudEvent in one of its two modes.
  const attributes = binary ? { id: headers['ce-id'], type: headers['ce-type'], data: content } : content;
  const { id, type, data } = attributes as { id: string; type: string; data: unknown };
  return {
    delivery,
    id: binary ? decodeURIComponent(id) : id,
    type: binary ? decodeURIComponent(type) : type,
    data,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= LARGEST_BODY) chunks.push(chunk);
  }
  return size > LARGEST_BODY ? undefined : Buffer.concat(chunks).toString('utf8');
}

const headersOf = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end();
}
