import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Trouble } from '../say.ts';
import { problemDocument } from '../../schemas/problem-document.ts';
import type { ProblemDocument } from '../../schemas/problem.ts';

/** What the mesh refused: its problem document, told in full. */
export class MeshProblem extends Trouble {
  readonly problem: ProblemDocument;
  constructor(request: string, problem: ProblemDocument) {
    const faults = (problem.errors ?? []).map(({ path, message }) => `\n  ${path || '/'}: ${message}`);
    super(`${request}: ${problem.status} ${problem.title}. ${problem.detail}${faults.join('')}`);
    this.name = 'MeshProblem';
    this.problem = problem;
  }
}

/** An answer of the mesh: its status, entity tag and JSON. */
export interface Answer<Body> {
  status: number;
  etag: string | undefined;
  body: Body;
}

/** What a request may carry besides its path. */
export interface RequestParts {
  json?: unknown;
  headers?: Record<string, string>;
  /** Statuses that are answers too, and no problem to throw. */
  expect?: number[];
}

/** The mesh's HTTP API as one participant sees it. */
export interface MeshClient {
  /** Asks; throws a {@link MeshProblem} on every answer that is not 2xx. `Body` is what api.md promises. */
  ask<Body>(method: string, path: string, parts?: RequestParts): Promise<Answer<Body>>;
  /** The same, with `undefined` for a 404. */
  find<Body>(path: string): Promise<Answer<Body> | undefined>;
  /** All items of a list, page after page. */
  list<Item>(path: string): Promise<Item[]>;
}

const PATIENCE = 4;

/** A client of the mesh at `url` (its base, without `/v1`) with an API key; `signal` ends what is under way. */
export function meshClient(url: string, key: string, signal: AbortSignal): MeshClient {
  const base = `${url.replace(/\/$/, '')}/v1`;

  async function ask<Body>(method: string, path: string, parts: RequestParts = {}): Promise<Answer<Body>> {
    const request = requestOf(method, key, parts, signal);
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(base + path, request).catch((cause: unknown) => {
        throw signal.aborted
          ? cause
          : new Trouble(`${method} ${path}: the mesh at ${url} does not answer`, { cause });
      });
      const text = await response.text();
      if (response.ok || parts.expect?.includes(response.status)) {
        // The shape is what api.md promises; the demonstration is no place to check the mesh's own answers.
        const body = (text ? JSON.parse(text) : undefined) as Body;
        return { status: response.status, etag: response.headers.get('etag') ?? undefined, body };
      }
      if (attempt === PATIENCE || (response.status !== 429 && response.status !== 503)) {
        throw new MeshProblem(`${method} ${path}`, problemOf(response, text));
      }
      await wait(1000 * Number(response.headers.get('retry-after') ?? attempt), undefined, { signal });
    }
  }

  return {
    ask,
    async find<Body>(path: string) {
      try {
        return await ask<Body>('GET', path);
      } catch (error) {
        if (error instanceof MeshProblem && error.problem.status === 404) return undefined;
        throw error;
      }
    },
    list: (path) => pages(ask, path),
  };
}

async function pages<Item>(ask: MeshClient['ask'], path: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const query: string = `${path.includes('?') ? '&' : '?'}limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
    const { body } = await ask<{ items: Item[]; next: string | null }>('GET', path + query);
    items.push(...body.items);
    cursor = body.next;
  } while (cursor);
  return items;
}

function requestOf(
  method: string,
  key: string,
  { json, headers }: RequestParts,
  signal: AbortSignal,
): RequestInit {
  return {
    method,
    signal,
    headers: {
      authorization: `Bearer ${key}`,
      // A repeated POST must not make a second thing; the mesh ignores it where events carry their own ids.
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  };
}

function problemOf(response: Response, text: string): ProblemDocument {
  try {
    const parsed = problemDocument.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch {
    // Not JSON: a gateway's page, told below as it is.
  }
  const detail = text.slice(0, 500) || 'no body';
  return {
    type: 'about:blank',
    title: response.statusText || 'No problem document',
    status: response.status,
    detail,
  };
}
