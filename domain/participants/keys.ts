import type { ApiKey, Caller, KeyRequest } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { absent, type ControlDeps, overtaken } from '../control.ts';
import { makeKey } from '../identify.ts';
import type { Page, PageRequest } from '../ports.ts';

/** A key as shown: everything but the hash. */
export type KeyView = Omit<ApiKey, 'hash'>;

/** Makes a further key, whose text is shown this once. Nobody gives what they do not have, but the operator. */
export async function createKey(
  deps: ControlDeps,
  caller: Caller,
  participantId: string,
  request: KeyRequest,
): Promise<KeyView & { key: string }> {
  allow(caller, participantId);
  refuseMoreThanOwn(caller, request);
  const now = deps.now();
  if (request.expiresAt !== undefined && Date.parse(request.expiresAt) <= now.getTime()) {
    const errors = [{ path: '/expiresAt', message: 'must lie in the future' }];
    throw new ProblemError('not-valid', 'The key would have expired already', { errors });
  }
  const participant = await deps.registry.read('participant', participantId);
  if (!participant) throw absent('participant', participantId);
  const { text, item } = makeKey(participantId, now, deps.random, request);
  const written = await deps.registry.write([
    { do: 'expect', noun: 'participant', before: participant },
    { do: 'create', noun: 'key', item },
  ]);
  if (!written) throw overtaken('participant', participantId);
  return { ...viewOf(item), key: text };
}

/** The keys of a participant, without their secrets, of which only hashes are kept. */
export async function listKeys(
  deps: Pick<ControlDeps, 'registry'>,
  caller: Caller,
  participant: string,
  page: PageRequest,
): Promise<Page<KeyView>> {
  allow(caller, participant);
  const { items, next } = await deps.registry.list('keysOfParticipant', { participant }, page);
  return { items: items.map(viewOf), next };
}

/** Revokes a key: from now on it identifies nobody. */
export async function revokeKey(
  deps: Pick<ControlDeps, 'registry'>,
  caller: Caller,
  participant: string,
  id: string,
): Promise<void> {
  allow(caller, participant);
  const key = await deps.registry.read('key', id);
  if (key?.participant !== participant) throw absent('key', id);
  await deps.registry.write([{ do: 'remove', noun: 'key', id }]);
}

const viewOf = ({ hash: _, ...key }: ApiKey): KeyView => key;

const isOperator = ({ roles }: Caller): boolean => roles.includes('operator');

function allow(caller: Caller, participant: string): void {
  if (caller.participant !== participant && !isOperator(caller)) throw absent('participant', participant);
}

function refuseMoreThanOwn(caller: Caller, { role, scopes }: KeyRequest): void {
  if (isOperator(caller)) return;
  if (role !== undefined) throw new ProblemError('forbidden', `Only an operator gives the role ${role}`);
  const beyond = scopes.filter((scope) => !caller.scopes.includes(scope));
  if (beyond.length > 0) {
    throw new ProblemError(
      'forbidden',
      `Your own key has not the scope ${beyond.join(', ')}: it cannot give it`,
    );
  }
}
