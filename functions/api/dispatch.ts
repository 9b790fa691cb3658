import { type Deed, auditRefusal, underAudit } from '../../domain/audit/audited.ts';
import { onceOnly } from '../../domain/idempotency.ts';
import type { Identity } from '../../domain/identify.ts';
import { type ProblemKind, ProblemError } from '../../schemas/problem.ts';
import { type HttpAnswer, type HttpRequest, problemAnswer } from '../http.ts';
import { jsonBody } from '../json-body.ts';
import type { Fields, Work } from '../work.ts';
import type { ApiDeps, Route } from './route.ts';
import { router } from './router.ts';
import { withSealedCursors } from './sealed-cursors.ts';

/** Answers requests by a table of routes: who may ask is decided here, once for all of them. */
export function dispatcher(
  deps: ApiDeps,
  routes: readonly Route[],
): (request: HttpRequest, work: Work) => Promise<HttpAnswer> {
  const find = router(routes);
  return async (request, work) => {
    const { method, headers } = request;
    const found = find(method, request.path);
    if (!found) throw new ProblemError('not-found', `There is no ${method} ${request.path}`);
    if ('allow' in found) return wrongMethod(request, found.allow);
    const { route, path } = found;
    work.did(route.did);
    work.note({ path: request.path });
    const identity = await identified(deps, route, headers['authorization']);
    if (identity) work.note({ participant: identity.caller.participant, key: identity.caller.key });
    const deed = { by: identity?.caller ?? PUBLIC, action: route.did, request: work.request };
    const { registry, ended } = underAudit(deps.registry, deed, deps);
    const about = aboutOf(route, path);
    const perform = async () => {
      const caller = identity && admitted(route, identity);
      const json = route.body ? jsonBody(request) : undefined;
      const note = (fields: Fields) => work.note(fields);
      const asked = { deps: { ...deps, registry }, identity: caller, path, headers, json, note };
      const list = { path: request.path, participant: caller?.caller.participant };
      return performOnce(deps, request, caller, async () => {
        const answer = await withSealedCursors(deps.sealer, list, request.query, (query) =>
          route.handle({ ...asked, query }),
        );
        if (isDeed(request)) await ended(about);
        return answer;
      });
    };
    return identity && method !== 'GET' ? withRefusals(deps, deed, about, perform) : perform();
  };
}

/** Who asks where no key was sent. */
const PUBLIC: Deed['by'] = { participant: 'public', roles: [] };

/** The refusals of somebody known that are decisions, and not slips of the pen. */
const AUDITED: readonly ProblemKind[] = ['forbidden', 'not-found', 'conflict', 'precondition-failed'];

/** Performs, and keeps in the audit that somebody was refused what they asked for. */
async function withRefusals(
  deps: ApiDeps,
  deed: Deed,
  about: { noun: string; subject: string },
  perform: () => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  try {
    return await perform();
  } catch (error) {
    if (error instanceof ProblemError && AUDITED.includes(error.problem.kind))
      await auditRefusal(deps.registry, deed, about, error.problem.kind, deps);
    throw error;
  }
}

/** Whether more is asked for than to be told something, or what would be. */
const isDeed = ({ method, query }: HttpRequest): boolean => method !== 'GET' && query['dryRun'] !== 'true';

/** What a route is about: `/v1/contracts/{id}/accept` is about the contract of that id. */
function aboutOf(route: Route, path: Record<string, string>): { noun: string; subject: string } {
  const [, , plural = ''] = route.path.split('/');
  return { noun: plural.replace(/ies$/, 'y').replace(/s$/, ''), subject: path['id'] ?? path['queue'] ?? '' };
}

/** Who asks, as far as it has to be known. */
async function identified(
  deps: ApiDeps,
  route: Route,
  authorization: string | undefined,
): Promise<Identity | undefined> {
  if (route.who === 'anyone' && authorization === undefined) return undefined;
  const identity = await deps.identify(authorization);
  if (!identity) {
    throw new ProblemError('unauthenticated', 'Send a valid API key: Authorization: Bearer maille_…');
  }
  return identity;
}

/** Who asks, where they may; throws the problem where they may not. */
function admitted(route: Route, identity: Identity): Identity | undefined {
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
  const { participant, roles, scopes } = identity.caller;
  const call = { participant, rank: { roles, scopes }, key, request: asked.join('\n') };
  const { answer, repeated } = await onceOnly(deps, call, perform);
  return repeated ? { ...answer, headers: { ...answer.headers, 'idempotent-replayed': 'true' } } : answer;
}

function wrongMethod({ method, path }: HttpRequest, allow: string[]): HttpAnswer {
  const answer = problemAnswer({ kind: 'not-allowed-method', detail: `There is no ${method} on ${path}` });
  return { ...answer, headers: { ...answer.headers, allow: allow.join(', ') } };
}
