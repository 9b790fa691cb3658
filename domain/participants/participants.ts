import type { Caller, Participant, ParticipantPatch, ParticipantRequest } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { absent, type ControlDeps, overtaken } from '../control.ts';
import { type Identity, makeKey } from '../identify.ts';
import { noticeType, notify } from '../notices.ts';
import type { IngressBuses, Page, PageRequest, Registry } from '../ports.ts';

/** What admitting participants needs of the world. */
export interface ParticipantDeps extends ControlDeps {
  ingressBuses: IngressBuses;
}

/** Admits a participant with its first key, which is shown this once; a provider gets its ingress bus. */
export async function admitParticipant(
  deps: ParticipantDeps,
  request: ParticipantRequest,
): Promise<{ participant: Participant; key: string }> {
  const now = deps.now();
  const { text, item: key } = makeKey(request.id, now, deps.random);
  const admitted: Participant = { ...request, status: 'active', createdAt: now.toISOString() };
  const created = await deps.registry.write([
    { do: 'create', noun: 'participant', item: admitted },
    { do: 'create', noun: 'key', item: key },
  ]);
  if (!created) throw new ProblemError('conflict', `The participant ${request.id} is there already`);
  try {
    return { participant: await withIngressBus(deps, admitted), key: text };
  } catch (error) {
    // Without its bus it would be half admitted; taken back, the same call can be made again.
    await deps.registry.write([
      { do: 'remove', noun: 'key', id: key.id },
      { do: 'remove', noun: 'participant', id: request.id },
    ]);
    throw error;
  }
}

/** Changes a participant; only the operator may, so its roles and status are not its own to set. */
export async function patchParticipant(
  deps: ParticipantDeps,
  caller: Caller,
  id: string,
  patch: ParticipantPatch,
): Promise<Participant> {
  if (patch.status === 'suspended' && caller.participant === id) {
    throw new ProblemError('conflict', 'This would suspend yourself, and nobody could take it back');
  }
  const before = await deps.registry.read('participant', id);
  if (!before) throw absent('participant', id);
  // The patch was parsed: what is not in it is not there, so that nothing is overwritten by undefined.
  const patched = { ...before, ...patch } as Participant;
  const now = deps.now();
  const said = {
    type: noticeType.participant(patched.status),
    subject: id,
    data: { status: patched.status },
  };
  const written = await deps.registry.write([
    { do: 'replace', noun: 'participant', before, item: patched },
    ...(patched.status === before.status ? [] : [notify(id, said, now, deps.random)]),
  ]);
  if (!written) throw overtaken('participant', id);
  return patched.awsAccount === before.awsAccount && patched.ingressBus
    ? patched
    : withIngressBus(deps, patched);
}

/** The participants of the territory. */
export const listParticipants = (
  registry: Pick<Registry, 'list'>,
  page: PageRequest,
): Promise<Page<Participant>> => registry.list('participants', {}, page);

/** One participant: for the operator, the DPO and itself; for others it is not there. */
export async function getParticipant(registry: Registry, caller: Caller, id: string): Promise<Participant> {
  const seen = caller.participant === id || caller.roles.includes('operator') || caller.roles.includes('dpo');
  const participant = seen ? await registry.read('participant', id) : undefined;
  if (!participant) throw absent('participant', id);
  return participant;
}

/** Who asks, with roles, scopes and the ARN of its ingress bus. */
export function whoAmI({ caller, participant }: Identity): Record<string, unknown> {
  return {
    ...participant,
    participant: participant.id,
    roles: caller.roles,
    scopes: caller.scopes,
    key: caller.key,
  };
}

async function withIngressBus(deps: ParticipantDeps, before: Participant): Promise<Participant> {
  if (!before.roles.includes('provider')) return before;
  const ingressBus = await deps.ingressBuses.ensure(before);
  if (ingressBus === before.ingressBus) return before;
  const item = { ...before, ingressBus };
  const written = await deps.registry.write([{ do: 'replace', noun: 'participant', before, item }]);
  if (!written) throw overtaken('participant', before.id);
  return item;
}
