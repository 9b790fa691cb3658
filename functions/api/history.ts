import { readHistory } from '../../domain/history/history.ts';
import { visitPayload } from '../../domain/payloads/visit.ts';
import { cancelReplay, getReplay, startReplay } from '../../domain/replay/replay.ts';
import { eventType } from '../../schemas/dataset.ts';
import { instant, opaqueId } from '../../schemas/ids.ts';
import { type Replay, replayRequest } from '../../schemas/replay.ts';
import { callerOf, created, nothing, ok, pageOf, paging, part, route, type Route } from './route.ts';

const reader = { who: ['consumer'], scopes: ['manage', 'consume'] } as const;
const historyQuery = paging.extend({
  type: eventType.optional(),
  from: instant.optional(),
  to: instant.optional(),
  contract: opaqueId('contract').optional(),
});

/** How far it came is told by counts: the mesh's own number of an event may be what the contract hides. */
const viewOf = ({ reached: _, expires: __, ...view }: Replay): object => view;

/** History: read, and sent again. */
export const historyRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/payloads/{id}',
    did: 'payload.visited',
    who: 'anyone',
    scopes: ['consume', 'manage', 'publish'],
    handle: async (deps, { identity, path }) => {
      const location = await visitPayload(deps, identity?.caller, part(path, 'id'));
      return { status: 303, headers: { location } };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/datasets/{id}/events',
    did: 'history.read',
    who: 'anyone',
    scopes: ['consume', 'manage', 'publish'],
    query: historyQuery,
    handle: async (deps, { identity, path, query, note }) => {
      const { limit, cursor, ...wanted } = query;
      const dataset = part(path, 'id');
      const page = await readHistory(deps, identity?.caller, dataset, wanted, pageOf({ limit, cursor }));
      note({ dataset, events: page.items.length });
      return ok(page);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/subscriptions/{id}/replay',
    did: 'replay.started',
    who: ['consumer'],
    scopes: ['manage'],
    body: replayRequest,
    handle: async (deps, asked) => {
      const replay = await startReplay(deps, callerOf(asked), part(asked.path, 'id'), asked.body);
      asked.note({ replay: replay.id, subscription: replay.subscription, sent: replay.sent });
      return created(deps, `/replays/${replay.id}`, viewOf(replay));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/replays/{id}',
    did: 'replay.read',
    ...reader,
    handle: async (deps, asked) => ok(viewOf(await getReplay(deps, callerOf(asked), part(asked.path, 'id')))),
  }),
  route({
    method: 'DELETE',
    path: '/v1/replays/{id}',
    did: 'replay.cancelled',
    who: ['consumer'],
    scopes: ['manage'],
    handle: async (deps, asked) => {
      await cancelReplay(deps, callerOf(asked), part(asked.path, 'id'));
      return nothing;
    },
  }),
];
