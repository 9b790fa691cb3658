import type { Identity } from '../domain/identify.ts';
import type { Caller, Role, Scope } from '../schemas/participant.ts';
import { ProblemError } from '../schemas/problem.ts';
import type { HttpRequest } from './http.ts';
import type { Work } from './work.ts';

/** Lets in who may use a hot door: known, not suspended, with the role and the scope; throws the problem otherwise. */
export async function entrant(
  identify: (authorization: string | undefined) => Promise<Identity | undefined>,
  request: HttpRequest,
  work: Work,
  { role, scope }: { role: Role; scope: Scope },
): Promise<Caller> {
  const identity = await identify(request.headers['authorization']);
  if (!identity)
    throw new ProblemError('unauthenticated', 'Send a valid API key: Authorization: Bearer maille_…');
  const { caller, participant } = identity;
  work.note({ participant: caller.participant, key: caller.key });
  if (participant.status !== 'active')
    throw new ProblemError('forbidden', `The participant ${participant.id} is suspended`);
  if (!caller.roles.includes(role))
    throw new ProblemError('forbidden', `The participant ${participant.id} is no ${role}`);
  if (!caller.scopes.includes(scope))
    throw new ProblemError('forbidden', `This key lacks the scope ${scope}`);
  return caller;
}
