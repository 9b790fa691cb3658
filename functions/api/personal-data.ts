import * as z from 'zod';
import { registerOf } from '../../domain/personal-data/register.ts';
import { registerCsv } from '../../domain/personal-data/register-csv.ts';
import { ok, route, type Route } from './route.ts';

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
];
