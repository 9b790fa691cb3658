import * as z from 'zod';
import type { HistoryDeps } from '../../domain/history/history.ts';
import type { IdempotencyDeps } from '../../domain/idempotency.ts';
import type { Identity } from '../../domain/identify.ts';
import type { RedriveDeps } from '../../domain/dead-letters/redrive.ts';
import type { DatasetDeps } from '../../domain/datasets/put.ts';
import type { EvolutionDeps } from '../../domain/evolution/put-schema.ts';
import type { CompleteDeps } from '../../domain/uploads/complete.ts';
import type { ParticipantDeps } from '../../domain/participants/participants.ts';
import type { Deliveries, Ledger, PageRequest, Payloads, Sealer, Usage } from '../../domain/ports.ts';
import type { SubscriptionDeps } from '../../domain/subscriptions/deps.ts';
import type { Caller, Role, Scope } from '../../schemas/participant.ts';
import { parseOrProblem, ProblemError } from '../../schemas/problem.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { HttpAnswer } from '../http.ts';
import type { Fields } from '../work.ts';

/** What the API needs of the world. */
export interface ApiDeps
  extends
    ParticipantDeps,
    Omit<DatasetDeps, 'registry' | 'now' | 'schemas'>,
    Omit<EvolutionDeps, 'registry' | 'now' | 'random' | 'ledger' | 'deliveries' | 'payloads'>,
    Pick<HistoryDeps, 'quotas' | 'publicUrl'>,
    Omit<SubscriptionDeps, 'sealer' | 'territory' | 'deliveries'>,
    Pick<RedriveDeps, 'setAside' | 'admitAgain' | 'wakeClock'>,
    Pick<CompleteDeps, 'checkUpload' | 'pause'>,
    Pick<IdempotencyDeps, 'keepSeconds'> {
  identify: (authorization: string | undefined) => Promise<Identity | undefined>;
  usage: Pick<Usage, 'days'>;
  territory: Territory;
  ledger: Ledger;
  /** Whole files and links to them; uploads are read as they come, and that is `admit`'s. */
  payloads: Omit<Payloads, 'open'>;
  deliveries: Deliveries;
  sealer: Sealer;
}

/** What a route is asked, before its own schemas have read it. */
export interface Asked {
  deps: ApiDeps;
  /** Absent where anyone may ask and did so without a key. */
  identity: Identity | undefined;
  path: Record<string, string>;
  query: Record<string, string | undefined>;
  headers: Record<string, string | undefined>;
  /** The parsed body; undefined when there was none. */
  json: unknown;
  note: (fields: Fields) => void;
}

/** One route of the HTTP contract. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  /** The public, any participant, or those with one of these roles. */
  who: 'anyone' | 'participant' | readonly Role[];
  /** A key needs one of these; none means any key. */
  scopes: readonly Scope[];
  /** Answers a suspended participant too. */
  suspendedToo?: true;
  /** What was done, in the past tense: the name of its log line. */
  did: string;
  body?: z.ZodType;
  query?: z.ZodType;
  handle: (asked: Asked) => Promise<HttpAnswer>;
}

type Read<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

interface RouteSpec<Body, Query> extends Omit<Route, 'handle' | 'body' | 'query'> {
  body?: Body;
  query?: Query;
  handle: (
    deps: ApiDeps,
    asked: Omit<Asked, 'deps' | 'query' | 'json'> & { body: Read<Body>; query: Read<Query> },
  ) => Promise<HttpAnswer>;
}

/** Declares a route: what is asked is read by its schemas before `handle` sees it. */
export function route<
  Body extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
>(spec: RouteSpec<Body, Query>): Route {
  const { body, query, handle, ...declared } = spec;
  return {
    ...declared,
    ...(body && { body }),
    ...(query && { query }),
    handle: ({ deps, query: asked, json, ...rest }) => {
      if (body && json === undefined && !body.safeParse(undefined).success)
        throw new ProblemError('not-parseable', 'A JSON body is needed');
      // Parsed by the very schemas that the types come from.
      const read = (body && parseOrProblem(body, json, 'The request')) as Read<Body>;
      const parsed = parseOrProblem(query ?? z.strictObject({}), asked, 'The query') as Read<Query>;
      return handle(deps, { ...rest, body: read, query: parsed });
    },
  };
}

/** The query of every list. */
export const paging = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(2048).optional(),
});

/** The page that a query asks for. */
export const pageOf = ({ limit, cursor }: z.output<typeof paging>): PageRequest => ({
  limit,
  ...(cursor !== undefined && { cursor }),
});

/** The body of what needs none: absent, or an object with nothing in it. */
export const emptyBody = z.strictObject({}).default({});

/** A yes or no in a query. */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** Who asks, on routes that only participants reach. */
export function callerOf({ identity }: { identity: Identity | undefined }): Caller {
  if (!identity) throw new ProblemError('unauthenticated', 'Send a valid API key');
  return identity.caller;
}

/** The part of a path that a route's pattern names. */
export function part(path: Record<string, string>, name: string): string {
  const value = path[name];
  if (value === undefined) throw new Error(`the route has no {${name}}`);
  return value;
}

/** 200 with the resource itself. */
export const ok = (json: unknown, headers?: Record<string, string>): HttpAnswer => ({
  status: 200,
  json,
  ...(headers && { headers }),
});

/** 201 with the resource, and where it is from now on: in full, since a stage's name may come before `/v1`. */
export const created = (
  { publicUrl = '' }: Pick<ApiDeps, 'publicUrl'>,
  path: string,
  json: unknown,
  headers?: Record<string, string>,
): HttpAnswer => ({
  status: 201,
  json,
  headers: { location: `${publicUrl}/v1${path}`, ...headers },
});

/** 204: nothing to say. */
export const nothing: HttpAnswer = { status: 204 };
