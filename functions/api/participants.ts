import { createKey, listKeys, revokeKey } from '../../domain/participants/keys.ts';
import {
  admitParticipant,
  getParticipant,
  listParticipants,
  patchParticipant,
  whoAmI,
} from '../../domain/participants/participants.ts';
import { keyRequest, participantPatch, participantRequest } from '../../schemas/participant.ts';
import { callerOf, created, nothing, ok, pageOf, paging, part, route, type Route } from './route.ts';

const operator = { who: ['operator'], scopes: ['manage'] } as const;
const self = { who: 'participant', scopes: ['manage'] } as const;

/** Participants and their keys. */
export const participantRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/participants',
    did: 'participant.admitted',
    ...operator,
    body: participantRequest,
    handle: async (deps, { body, note }) => {
      note({ subject: body.id });
      return created(deps, `/participants/${body.id}`, await admitParticipant(deps, body));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/participants',
    did: 'participants.listed',
    who: ['operator', 'dpo'],
    scopes: ['manage'],
    query: paging,
    handle: async (deps, { query }) => ok(await listParticipants(deps.registry, pageOf(query))),
  }),
  route({
    method: 'GET',
    path: '/v1/participants/{id}',
    did: 'participant.read',
    ...self,
    handle: async (deps, asked) =>
      ok(await getParticipant(deps.registry, callerOf(asked), part(asked.path, 'id'))),
  }),
  route({
    method: 'PATCH',
    path: '/v1/participants/{id}',
    did: 'participant.changed',
    ...operator,
    body: participantPatch,
    handle: async (deps, asked) =>
      ok(await patchParticipant(deps, callerOf(asked), part(asked.path, 'id'), asked.body)),
  }),
  route({
    method: 'POST',
    path: '/v1/participants/{id}/keys',
    did: 'key.created',
    ...self,
    body: keyRequest,
    handle: async (deps, asked) => {
      const key = await createKey(deps, callerOf(asked), part(asked.path, 'id'), asked.body);
      asked.note({ subject: key.id });
      // Without a place of its own: one key is in the list of all, or not at all.
      return { status: 201, json: key };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/participants/{id}/keys',
    did: 'keys.listed',
    ...self,
    query: paging,
    handle: async (deps, asked) =>
      ok(await listKeys(deps, callerOf(asked), part(asked.path, 'id'), pageOf(asked.query))),
  }),
  route({
    method: 'DELETE',
    path: '/v1/participants/{id}/keys/{key}',
    did: 'key.revoked',
    ...self,
    handle: async (deps, asked) => {
      await revokeKey(deps, callerOf(asked), part(asked.path, 'id'), part(asked.path, 'key'));
      return nothing;
    },
  }),
  route({
    method: 'GET',
    path: '/v1/me',
    did: 'caller.told',
    who: 'participant',
    scopes: [],
    suspendedToo: true,
    handle: ({ territory }, { identity }) =>
      Promise.resolve(ok({ territory: territory.id, ...(identity && whoAmI(identity)) })),
  }),
];
