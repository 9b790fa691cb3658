import { onceOnly } from '../../domain/idempotency.ts';
import type { Identity } from '../../domain/identify.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { type HttpAnswer, type HttpRequest, problemAnswer } from '../http.ts';
import { jsonBody } from '../json-body.ts';
import type { Work } from '../work.ts';
import type { ApiDeps, Route } from './route.ts';
import { router } from './router.ts';

/** Answers requests by a table of routes: who may ask is decided here, once for all of them. */
export function dispatcher(
  deps: ApiDeps,
  routes: readonly Route[],
): (request: HttpRequest, work: Work) => Promise<HttpAnswer> {
  const find = router(routes);
  return async (request, work) => {
    const { method, headers, query } = request;
    const found = find(method, request.path);
    if (!found) throw new ProblemError('not-found', `There is no ${method} ${request.path}`);
    if ('allow' in found) return wrongMethod(request, found.allow);
    const { route, path } = found;
    work.did(route.did);
    work.note({ path: request.path });
    const identity = await admitted(deps, route, headers['authorization']);
    if (identity) work.note({ participant: identity.caller.participant, key: identity.caller.key });
    const json = route.body ? jsonBody(request) : undefined;
    const perform = () =>
      route.handle({ deps, identity, path, query, headers, json, note: (fields) => work.note(fields) });
    return performOnce(deps, request, identity, perform);
  };
}

/** Who asks, where they may; throws the problem where they may not. */
async function admitted(
  deps: ApiDeps,
  route: Route,
  authorization: string | undefined,
): Promise<Identity | undefined> {
  if (route.who === 'anyone' && authorization === undefined) return undefined;
  const identity = await deps.identify(authorization);
  if (!identity) {
    throw new ProblemError('unauthenticated', 'Send a valid API key: Authorization: Bearer maille_…');
  }
  const { caller, participant } = identity;
  if (participant.status === 'suspended' && !route.suspendedToo) {
    // What the public may see is theirs too.
    if (route.who === 'anyone') return undefined;
    throw new ProblemError(
      'forbidden',
      `The participant ${participant.id} is suspended: ask the territory's operator`,
    );
  }
  if (typeof route.who !== 'string' && !route.who.some((role) => caller.roles.includes(role))) {
    throw new ProblemError('forbidden', `This needs the role ${route.who.join(' or ')}`);
  }
  if (route.scopes.length > 0 && !route.scopes.some((scope) => caller.scopes.includes(scope))) {
    throw new ProblemError('forbidden', `This needs a key with the scope ${route.scopes.join(' or ')}`);
  }
  return identity;
}

async function performOnce(
  deps: ApiDeps,
  request: HttpRequest,
  identity: Identity | undefined,
  perform: () => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const key = request.headers['idempotency-key'];
  if (request.method !== 'POST' || key === undefined || !identity) return perform();
  const asked = [
    request.method,
    request.path,
    JSON.stringify(request.query),
    request.body?.toString('base64') ?? '',
  ];
  const call = { participant: identity.caller.participant, key, request: asked.join('\n') };
  const { answer, repeated } = await onceOnly(deps, call, perform);
  return repeated ? { ...answer, headers: { ...answer.headers, 'idempotent-replayed': 'true' } } : answer;
}

function wrongMethod({ method, path }: HttpRequest, allow: string[]): HttpAnswer {
  const answer = problemAnswer({ kind: 'not-allowed-method', detail: `There is no ${method} on ${path}` });
  return { ...answer, headers: { ...answer.headers, allow: allow.join(', ') } };
}
