import * as z from 'zod';
import type { Identity } from '../../domain/identify.ts';
import { ack, extend, type PullDeps, receive } from '../../domain/pull/pull.ts';
import type { Caller } from '../../schemas/participant.ts';
import { parseOrProblem, ProblemError } from '../../schemas/problem.ts';
import type { HttpHandler } from '../chain.ts';
import { decodedSegment } from '../decoded-segment.ts';
import { entrant } from '../entrance.ts';
import { jsonBody } from '../json-body.ts';

const leases = z.array(z.string().min(1).max(4096)).min(1).max(100);
const receiveRequest = z.strictObject({
  max: z.int().min(1).max(10).default(10),
  waitSeconds: z.int().min(0).max(20).default(0),
});
const leasesRequest = z.strictObject({ leases });
const extendRequest = z.strictObject({ leases, seconds: z.int().min(0).max(43_200) });

/** What asks for messages: `letIn` throws once it would not be let in any more. */
interface Asking {
  caller: Caller;
  subscription: string;
  body: unknown;
  letIn: () => Promise<unknown>;
}
type Action = (deps: PullDeps, asking: Asking) => Promise<object>;

const ACTIONS = new Map<string, Action>(
  Object.entries({
    receive: (deps, { caller, subscription, body, letIn }) =>
      receive(deps, caller, subscription, parseOrProblem(receiveRequest, body, 'The request'), letIn),
    ack: (deps, { caller, subscription, body }) =>
      ack(deps, caller, subscription, parseOrProblem(leasesRequest, body, 'The request').leases),
    release: (deps, { caller, subscription, body }) =>
      extend(deps, caller, subscription, parseOrProblem(leasesRequest, body, 'The request').leases, 0),
    extend: (deps, { caller, subscription, body }) => {
      const { leases, seconds } = parseOrProblem(extendRequest, body, 'The request');
      return extend(deps, caller, subscription, leases, seconds);
    },
  } satisfies Record<string, Action>),
);

const PATH = /\/v1\/subscriptions\/([^/]+)\/messages\/([^/]+)\/?$/;

/** `POST /v1/subscriptions/{id}/messages/{action}`: a consumer fetches its events. */
export const messages =
  (
    deps: PullDeps,
    identify: (authorization: string | undefined) => Promise<Identity | undefined>,
  ): HttpHandler =>
  async (request, work) => {
    const [, id = '', name = ''] = PATH.exec(request.path) ?? [];
    const subscription = decodedSegment(id);
    const action = ACTIONS.get(name);
    if (!action) throw new ProblemError('not-found', `There is no ${request.method} ${request.path}`);
    const letIn = () => entrant(identify, request, work, { role: 'consumer', scope: 'consume' });
    const caller = await letIn();
    work.note({ subscription, action: name });
    const json = await action(deps, { caller, subscription, body: jsonBody(request) ?? {}, letIn });
    work.did(`messages.${name}`);
    return { status: 200, json };
  };
