import * as z from 'zod';
import { listNotices } from '../../domain/notices.ts';
import { askForNotices, pushedTo } from '../../domain/notices-pushed/ask.ts';
import { listPublications } from '../../domain/publications.ts';
import { sourceIdentity } from '../../domain/source.ts';
import { noticesRequest } from '../../schemas/notice.ts';
import { callerOf, ok, pageOf, paging, route, type Route } from './route.ts';

const health = (path: string): Route =>
  route({
    method: 'GET',
    path,
    did: 'health.told',
    who: 'anyone',
    scopes: [],
    handle: ({ territory, now }) =>
      Promise.resolve(ok({ status: 'ok', territory: territory.id, time: now().toISOString() })),
  });

/** What the mesh tells of itself and of what it refused. */
export const evidenceRoutes: Route[] = [
  health('/health'),
  health('/v1/health'),
  route({
    method: 'GET',
    path: '/.well-known/webhooks-keys.json',
    did: 'source.told',
    who: 'anyone',
    scopes: [],
    handle: async (deps) => ok(await sourceIdentity(deps), { 'cache-control': 'public, max-age=3600' }),
  }),
  route({
    method: 'GET',
    path: '/v1/notices',
    did: 'notices.listed',
    who: 'participant',
    scopes: [],
    suspendedToo: true,
    query: paging,
    handle: async (deps, asked) =>
      ok(await listNotices(deps.registry, callerOf(asked).participant, pageOf(asked.query))),
  }),
  route({
    method: 'GET',
    path: '/v1/me/notices',
    did: 'channels.told',
    who: 'participant',
    scopes: ['manage'],
    handle: async (deps, asked) => ok(await pushedTo(deps.registry, callerOf(asked))),
  }),
  route({
    method: 'PUT',
    path: '/v1/me/notices',
    did: 'channels.put',
    who: 'participant',
    scopes: ['manage'],
    body: noticesRequest,
    handle: async (deps, asked) => ok(await askForNotices(deps, callerOf(asked), asked.body)),
  }),
  route({
    method: 'GET',
    path: '/v1/publications',
    did: 'publications.listed',
    who: ['provider'],
    scopes: ['publish', 'manage'],
    query: paging.extend({ status: z.literal('rejected').optional() }),
    handle: async (deps, asked) =>
      ok(await listPublications(deps.registry, callerOf(asked).participant, pageOf(asked.query))),
  }),
];
