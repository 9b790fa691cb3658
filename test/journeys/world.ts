import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { afterEach } from 'vitest';
import { mesh } from '../mesh.ts';

export { mesh };
const tail = Date.now().toString(36).slice(-6);
let counter = 0;

/** A name that no other test of this or an earlier run has. */
export const unique = (stem: string): string => `${stem}-${tail}-${(counter += 1)}`;

/** An answer: status, headers, and the body as whatever the test says it is. */
export interface Answer {
  status: number;
  headers: Headers;
  // A journey looks at what came from the outside; it asserts on what it needs.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

/** Asks the mesh as whoever holds the key. */
export async function ask(
  key: string | undefined,
  method: string,
  path: string,
  json?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${mesh.url}${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json !== undefined && { body: typeof json === 'string' ? json : JSON.stringify(json) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text ? JSON.parse(text) : text,
  };
}

/** Asks and insists on a status, with what was answered in the message. */
export async function must(
  status: number,
  key: string,
  method: string,
  path: string,
  json?: unknown,
  headers?: Record<string, string>,
): Promise<Answer> {
  const answer = await ask(key, method, path, json, headers);
  if (answer.status !== status) {
    throw new Error(
      `${method} ${path}: ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`,
    );
  }
  return answer;
}

/** A participant with its first key. */
export interface Party {
  id: string;
  key: string;
}

/** Admits a participant. */
export async function admit(stem: string, roles: string[]): Promise<Party> {
  const id = unique(stem);
  const contact = { name: 'Test', email: `${id}@example.org` };
  const { body } = await must(201, mesh.keys.operator, 'POST', '/v1/participants', {
    id,
    name: id,
    roles,
    contact,
  });
  return { id, key: body.key };
}

const SCHEMA = {
  type: 'object',
  required: ['co2'],
  properties: {
    co2: { type: 'number', minimum: 0, maximum: 5000 },
    room: { type: 'string' },
    teacher: { type: 'string' },
    n: { type: 'integer' },
  },
  additionalProperties: false,
};

/** A dataset of one type, with CO2 readings unless its schema is another; `more` replaces parts of the request. */
export async function share(
  provider: Party,
  more: Record<string, unknown> = {},
  schema: object = SCHEMA,
): Promise<{ id: string; type: string }> {
  const id = unique('co2');
  const type = `org.example.${id}.v1`;
  const request = {
    title: { fr: 'CO2 des salles', en: 'CO2 in class rooms' },
    description: 'Readings of CO2 sensors',
    theme: 'air',
    licence: 'etalab-2.0',
    access: 'shared',
    personalData: false,
    retentionDays: 30,
    offer: { purposes: ['research'], minimisation: [], approval: 'automatic' },
    types: [{ type, schema }],
    ...more,
  };
  await must(201, provider.key, 'PUT', `/v1/datasets/${id}`, request);
  return { id, type };
}

/** A contract in force, by an offer with automatic approval. */
export async function agree(consumer: Party, dataset: string, more: object = {}): Promise<string> {
  const { body } = await must(201, consumer.key, 'POST', '/v1/contracts', {
    dataset,
    purpose: 'research',
    ...more,
  });
  if (body.state !== 'active') throw new Error(`the contract is ${body.state}`);
  return body.id;
}

/** A provider that shares a dataset, made as by `share`, and a consumer without a contract. */
export async function pair(more?: Record<string, unknown>) {
  const provider = await admit('atmo', ['provider']);
  const consumer = await admit('app', ['consumer']);
  return { provider, consumer, dataset: await share(provider, more) };
}

const webhooks: { consumer: Party; id: string }[] = [];
const receivers: Receiver[] = [];

// What a test leaves subscribed would be retried for minutes beside the tests after it.
afterEach(async () => {
  for (const { consumer, id } of webhooks.splice(0))
    await ask(consumer.key, 'DELETE', `/v1/subscriptions/${id}`);
  await Promise.all(receivers.splice(0).map((one) => one.close()));
});

/** Subscribes to a contract; a webhook subscription ends with its test. */
export async function subscribe(
  consumer: Party,
  contract: string,
  destination: { kind: string } & Record<string, unknown>,
  more: object = {},
): Promise<{ id: string; secret: string }> {
  const request = { contract, destination, ...more };
  const { body } = await must(201, consumer.key, 'POST', '/v1/subscriptions', request);
  if (destination.kind === 'webhook') webhooks.push({ consumer, id: body.subscription.id });
  return { id: body.subscription.id, secret: body.secret };
}

/** A structured CloudEvent of a type. */
export const eventOf = (type: string, data: unknown, more: object = {}) => ({
  specversion: '1.0',
  id: unique('e'),
  type,
  time: new Date().toISOString(),
  data,
  ...more,
});

/** Publishes one event in structured mode. */
export const publish = (provider: Party, event: object): Promise<Answer> =>
  ask(provider.key, 'POST', '/v1/events', event, { 'content-type': 'application/cloudevents+json' });

/** Publishes one event that must be accepted. */
export async function published(provider: Party, event: object): Promise<void> {
  const { status, body } = await publish(provider, event);
  if (status !== 202) throw new Error(`published with ${status}: ${JSON.stringify(body)}`);
}

/** Publishes a batch. */
export const publishBatch = (provider: Party, events: object[]): Promise<Answer> =>
  ask(provider.key, 'POST', '/v1/events', events, { 'content-type': 'application/cloudevents-batch+json' });

/** One request that came to a receiver. */
export interface Received {
  at: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A consumer's web server: what came, and what it answers to each. */
export interface Receiver {
  url: string;
  received: Received[];
  /** The most events that were open side by side. */
  mostAtOnce: number;
  /** What came to find out whether it wants events: handshakes, and challenges. */
  asked: Received[];
  /** How many events a minute it allows where it consents. */
  allowedRate: string;
  /** What it does when it is asked. */
  whenAsked: 'consents' | 'answers the challenge' | 'keeps silent' | 'redirects';
  /** Waits until so many requests came, or fails. */
  until(count: number, ms?: number): Promise<Received[]>;
  close(): Promise<void>;
}

/**
 * Starts a web server on a free loopback port, until its test has ended. `answer` gives the status of the nth event that
 * came, from 1, after `takesMs`.
 */
export async function receiver(
  answer: (nth: number) => number = () => 204,
  headers: Record<string, string> = {},
  takesMs = 0,
): Promise<Receiver> {
  let atOnce = 0;
  const received: Received[] = [];
  const asked: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const came = { at: Date.now(), headers: request.headers, body };
      const challenge = /"challenge":"([\w-]+)"/.exec(body)?.[1];
      if (started.whenAsked === 'redirects') {
        asked.push(came);
        response.writeHead(308, { location: '/elsewhere' }).end();
      } else if (request.method === 'OPTIONS') {
        asked.push(came);
        response.writeHead(200, started.whenAsked === 'consents' ? consentAt(started.allowedRate) : {}).end();
      } else if (challenge !== undefined) {
        asked.push(came);
        const met = started.whenAsked === 'answers the challenge';
        response.writeHead(met ? 200 : 204).end(met ? challenge : undefined);
      } else {
        received.push(came);
        const status = answer(received.length);
        atOnce += 1;
        started.mostAtOnce = Math.max(started.mostAtOnce, atOnce);
        setTimeout(() => {
          atOnce -= 1;
          response.writeHead(status, headers).end();
        }, takesMs);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const started: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    mostAtOnce: 0,
    allowedRate: '*',
    asked,
    whenAsked: 'consents',
    async until(count, ms = mesh.patienceMs) {
      await eventually(
        () =>
          received.length >= count ||
          Promise.reject(new Error(`${received.length} of ${count} requests came`)),
        ms,
      );
      return received;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  receivers.push(started);
  return started;
}

const consentAt = (rate: string) => ({ 'WebHook-Allowed-Origin': '*', 'WebHook-Allowed-Rate': rate });

/** Verifies a request with the reference library of Standard Webhooks; answers its JSON body. */
export function verified(secret: string, { headers, body }: Received): unknown {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  return new Webhook(secret).verify(body, given);
}

/** Calls until it stops throwing, or rethrows its last error after `ms`. */
export async function eventually<Value>(
  check: () => Value | Promise<Value>,
  ms = mesh.patienceMs,
): Promise<Value> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= end) throw error;
      await wait(100);
    }
  }
}

/** Waits. */
export const pause = (ms: number): Promise<void> => wait(ms);
