import { Buffer } from 'node:buffer';
import type { lookup as dnsLookup } from 'node:dns';
import type { Agent as HttpAgent, ClientRequest, IncomingMessage, request as httpRequest } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Sender, WebhookAnswer, WebhookRequest } from '../../domain/ports.ts';
import { checkWebhookUrl, literalAddress, type Reach } from './address.ts';
import { publicLookup, RefusedAddress } from './public-lookup.ts';

/** How much of an answer is kept. */
const KEPT_BYTES = 1024;
/** An answer up to here is read to its end, so that its connection can serve again; a longer one costs its connection. */
const READ_BYTES = 65_536;
/**
 * How long after the call a request may begin: what making connections may take, that of a second try included. A
 * verdict may be 2 s old, making the request may take 0.5 s, and none may begin later than 5 s after the contract stops:
 * a name or host that is slow to answer must not use up what lies between. What is left of the 5 s is for timers that
 * are late.
 */
export const CONNECT_MS = 2000;
/** A kept connection that the receiver closed meanwhile fails at once; what fails later was under way. */
const STALE_MS = 1000;
const KEPT_ALIVE_MS = 30_000;
const CLOSED: WebhookAnswer = { kind: 'no-answer', error: 'The connection was closed' };

// Made when first spoken. An import would touch all that `node:http` exports, WebSocket's whole client too: 40 ms of a
// cold start.
const builtin = process.getBuiltinModule;

/** What stands for the network: another resolver can be given. */
export interface SenderOptions extends Reach {
  /** Resolves a name to all its addresses; the system's resolver unless given. */
  resolve?: typeof dnsLookup;
  connectMs?: number;
}

/** Sends to webhooks over kept connections, by node:http; one sender for the life of a process. */
export function webhookSender({ resolve, connectMs = CONNECT_MS, ...reach }: SenderOptions): Sender {
  const keeping = { keepAlive: true, maxFreeSockets: 256, timeout: KEPT_ALIVE_MS };
  const lookup = reach.privateAddresses
    ? {}
    : { lookup: publicLookup(resolve ?? builtin('node:dns').lookup) };
  const made: { http?: Transport; https?: Transport } = {};
  const http = (): Transport => {
    const { Agent, request } = builtin('node:http');
    return (made.http ??= { agent: new Agent(keeping), request, ...lookup });
  };
  const https = (): Transport => {
    const { Agent, request } = builtin('node:https');
    return (made.https ??= { agent: new Agent(keeping), request, ...lookup });
  };
  // A territory has few distinct URLs and sends to each many times.
  const targets = new Map<string, Target | string>();

  const targetOf = (url: string): Target | string => {
    const known = targets.get(url);
    if (known !== undefined) return known;
    if (targets.size >= 10_000) targets.clear();
    const refusal = checkWebhookUrl(url, reach);
    const target = refusal ?? toTarget(new URL(url), /^https:/i.test(url) ? https() : http());
    targets.set(url, target);
    return target;
  };

  return async (webhook) => {
    const target = targetOf(webhook.url);
    if (typeof target === 'string') return { kind: 'refused', error: `The URL ${target}` };
    const begun = Date.now();
    const first = await exchange(target, webhook, webhook.timeoutMs, connectMs);
    if (first !== 'stale') return first;
    const spent = Date.now() - begun;
    if (spent >= connectMs) return CLOSED;
    const afresh = { ...target, agent: false } as const;
    const second = await exchange(afresh, webhook, webhook.timeoutMs - spent, connectMs - spent);
    return second === 'stale' ? CLOSED : second;
  };
}

/** How a scheme is spoken. */
interface Transport {
  request: typeof httpRequest;
  agent: HttpAgent | false;
  lookup?: LookupFunction;
}

/** Where a request goes, in the form that node:http needs. */
interface Target extends Transport {
  hostname: string;
  port: string;
  path: string;
}

const toTarget = (url: URL, transport: Transport): Target => ({
  ...transport,
  hostname: literalAddress(url.hostname) ?? url.hostname,
  port: url.port,
  path: url.pathname + url.search,
});

/** One request and its answer; `stale` when a kept connection turned out to be closed before it could serve. */
function exchange(
  target: Target,
  webhook: WebhookRequest,
  timeoutMs: number,
  connectMs: number,
): Promise<WebhookAnswer | 'stale'> {
  const { request: open, ...where } = target;
  const begun = Date.now();
  return new Promise((settle) => {
    const request = start(open, where, webhook);
    if (request instanceof Error) return settle({ kind: 'no-answer', error: request.message });
    const timer = setTimeout(() => request.destroy(new Error(`No answer within ${timeoutMs} ms`)), timeoutMs);
    const connecting = limitConnecting(request, Math.min(connectMs, timeoutMs));
    const finish = (answer: WebhookAnswer | 'stale'): void => {
      clearTimeout(timer);
      clearTimeout(connecting.timer);
      settle(answer);
    };
    let answered = false;
    request.on('response', (response) => {
      answered = true;
      readAnswer(response, finish);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (answered) return;
      const stale = request.reusedSocket && error.code === 'ECONNRESET' && Date.now() - begun < STALE_MS;
      finish(stale ? 'stale' : toFailure(error));
    });
    // A receiver that switches protocols gives no response; that is its answer, and a failure.
    request.on('upgrade', ({ statusCode = 0 }, socket) => {
      socket.destroy();
      finish({ kind: 'answer', status: statusCode, body: '' });
    });
    // Whatever else ends a request without a word: whoever sent it must not wait for ever.
    request.on('close', () => {
      if (!answered) finish(CLOSED);
    });
    request.end(webhook.body);
  });
}

/** Node refuses header values that could split a request by throwing. */
function start(
  open: typeof httpRequest,
  where: Omit<Target, 'request'>,
  webhook: WebhookRequest,
): ClientRequest | Error {
  const headers = { ...webhook.headers, 'content-length': Buffer.byteLength(webhook.body) };
  try {
    return open({ ...where, method: webhook.method ?? 'POST', headers });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function limitConnecting(request: ClientRequest, connectMs: number): { timer?: NodeJS.Timeout } {
  const limit: { timer?: NodeJS.Timeout } = {};
  request.on('socket', (socket) => {
    if (!socket.connecting) return;
    limit.timer = setTimeout(
      () => request.destroy(new Error(`No connection within ${connectMs} ms`)),
      connectMs,
    );
    const event = 'encrypted' in socket ? 'secureConnect' : 'connect';
    socket.once(event, () => clearTimeout(limit.timer));
  });
  return limit;
}

function readAnswer(response: IncomingMessage, finish: (answer: WebhookAnswer) => void): void {
  let kept = Buffer.alloc(0);
  let read = 0;
  const retryAfter = response.headers['retry-after'];
  const done = (): void =>
    finish({
      kind: 'answer',
      status: response.statusCode ?? 0,
      ...(retryAfter !== undefined && { retryAfter }),
      ...consentIn(response),
      body: toText(kept),
    });
  response.on('data', (chunk: Buffer) => {
    if (kept.length < KEPT_BYTES) kept = Buffer.concat([kept, chunk.subarray(0, KEPT_BYTES - kept.length)]);
    read += chunk.length;
    if (read > READ_BYTES) response.destroy();
  });
  // The status is the answer, and it has come: a body cut short by timeout or length changes nothing of it.
  response.on('close', done);
  response.on('error', done);
}

/** What a receiver consents to (CloudEvents HTTP webhook, section 4.2). */
function consentIn({ headers }: IncomingMessage): Pick<WebhookAnswer & { kind: 'answer' }, 'consent'> {
  const { 'webhook-allowed-origin': origin, 'webhook-allowed-rate': rate } = headers;
  if (origin === undefined) return {};
  return { consent: { origin: String(origin), ...(rate !== undefined && { rate: String(rate) }) } };
}

/** UTF-8 cut at a byte limit may end within a character: that one is left out. */
const toText = (bytes: Buffer): string =>
  bytes.length === 0 ? '' : new TextDecoder().decode(bytes, { stream: true });

const toFailure = (error: NodeJS.ErrnoException): WebhookAnswer =>
  error instanceof RefusedAddress
    ? { kind: 'refused', error: error.message }
    : {
        kind: 'no-answer',
        error:
          error.code && !error.message.includes(error.code)
            ? `${error.code}: ${error.message}`
            : error.message,
      };
