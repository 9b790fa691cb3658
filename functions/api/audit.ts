import * as z from 'zod';
import { listAudit } from '../../domain/audit/list.ts';
import { auditEntry } from '../../schemas/audit.ts';
import { instant } from '../../schemas/ids.ts';
import { ok, pageOf, paging, route, type Route } from './route.ts';

const name = z.string().min(1).max(200).optional();

/** Who did what: for those who answer for the territory. There is no route that changes it. */
export const auditRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/audit',
    did: 'audit.listed',
    who: ['operator', 'dpo'],
    scopes: ['manage'],
    query: paging.extend({
      participant: name,
      noun: name,
      id: name,
      action: name,
      outcome: auditEntry.shape.outcome.optional(),
      from: instant.optional(),
      to: instant.optional(),
    }),
    handle: async ({ registry, now }, { query }) =>
      ok(await listAudit(registry, query, pageOf(query), now())),
  }),
];
