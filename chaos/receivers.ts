import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a consumer's server treats a request; `true` when it has taken the event and said so. */
export type Behaviour = (response: ServerResponse, nth: number) => boolean | Promise<boolean>;

/** What came to one address. */
export interface Inbox {
  url: string;
  /** Event ids that were taken, with the `webhook-id` each came under. */
  taken: Map<string, Set<string>>;
  /** How often something was taken. */
  takes: number;
  requests: number;
  /** When the latest request came, in epoch milliseconds. */
  lastAt: number;
  behave: Behaviour;
}

/** Consumers' servers, all on one loopback port. */
export interface Receivers {
  /** Opens an address that nobody had. */
  open: (behave?: Behaviour) => Inbox;
  close: () => Promise<void>;
}

/** Takes everything at once. */
export const takesAll: Behaviour = (response) => {
  response.writeHead(204).end();
  return true;
};

/** Takes every second request, so that many events go again, and its endpoint is never spared. */
export const takesEverySecond: Behaviour = (response, nth) => {
  if (nth % 2 === 0) return takesAll(response, nth);
  response.writeHead(503).end();
  return false;
};

/** Starts a server for all receivers of a run. */
export async function openReceivers(): Promise<Receivers> {
  const inboxes = new Map<string, Inbox>();
  const server = createServer((request, response) => {
    if (request.method === 'OPTIONS') {
      // The handshake of CloudEvents: they want events, from whomever.
      response.writeHead(200, { 'webhook-allowed-origin': '*', 'webhook-allowed-rate': '*' }).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('end', () => {
      const inbox = inboxes.get(request.url ?? '');
      if (!inbox) return void response.writeHead(404).end();
      inbox.requests += 1;
      inbox.lastAt = Date.now();
      const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: string };
      void Promise.resolve(inbox.behave(response, inbox.requests)).then((taken) => {
        if (!taken) return;
        inbox.takes += 1;
        const under = inbox.taken.get(id) ?? new Set();
        inbox.taken.set(id, under.add(String(request.headers['webhook-id'])));
      });
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    open(behave = takesAll) {
      const path = `/${inboxes.size + 1}`;
      const url = `http://127.0.0.1:${port}${path}`;
      const inbox: Inbox = { url, taken: new Map(), takes: 0, requests: 0, lastAt: 0, behave };
      inboxes.set(path, inbox);
      return inbox;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
