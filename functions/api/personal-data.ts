import * as z from 'zod';
import { acknowledge } from '../../domain/personal-data/acknowledge.ts';
import { eraseEvent, listErasures } from '../../domain/personal-data/erase.ts';
import { registerOf } from '../../domain/personal-data/register.ts';
import { registerCsv } from '../../domain/personal-data/register-csv.ts';
import { callerOf, emptyBody, ok, pageOf, paging, part, route, type Route } from './route.ts';

/** What the law asks of those who answer for personal data. */
export const personalDataRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/register',
    did: 'register.told',
    who: ['operator', 'dpo'],
    scopes: ['manage'],
    query: z.strictObject({}),
    handle: async (deps, { headers, note }) => {
      const register = await registerOf(deps, deps.now());
      note({ entries: register.entries.length });
      if (!/\btext\/csv\b/i.test(headers['accept'] ?? '')) return ok(register);
      const disposition = `attachment; filename="register-${deps.territory.id}.csv"`;
      return {
        status: 200,
        headers: {
          'content-type': 'text/csv; charset=utf-8; header=present',
          'content-disposition': disposition,
        },
        text: registerCsv(register),
      };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/datasets/{id}/events',
    did: 'event.erased',
    who: ['provider', 'dpo'],
    scopes: ['manage'],
    query: z.strictObject({
      source: z.string().min(1).max(2048).optional(),
      id: z.string().min(1).max(2048),
      reason: z.string().min(1).max(2000).optional(),
    }),
    handle: async (deps, asked) => {
      const erasure = await eraseEvent(deps, callerOf(asked), part(asked.path, 'id'), asked.query);
      asked.note({ erasure: erasure.id, dataset: erasure.dataset, told: erasure.told });
      return ok(erasure);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/datasets/{id}/erasures',
    did: 'erasures.listed',
    who: ['provider', 'dpo', 'operator'],
    scopes: ['manage'],
    query: paging,
    handle: async ({ registry }, asked) =>
      ok(await listErasures(registry, callerOf(asked), part(asked.path, 'id'), pageOf(asked.query))),
  }),
  route({
    method: 'POST',
    path: '/v1/notices/{id}/ack',
    did: 'notice.acknowledged',
    who: 'participant',
    scopes: ['consume', 'manage'],
    body: emptyBody,
    handle: async (deps, asked) => ok(await acknowledge(deps, callerOf(asked), part(asked.path, 'id'))),
  }),
];
