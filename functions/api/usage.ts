import * as z from 'zod';
import { usageOf } from '../../domain/usage/figures.ts';
import { dayOf } from '../../domain/usage/period.ts';
import { statementCsv, statementOf } from '../../domain/usage/statement.ts';
import { instant, opaqueId } from '../../schemas/ids.ts';
import { day, month } from '../../schemas/usage.ts';
import { callerOf, ok, pageOf, paging, route, type Route } from './route.ts';

const party = { who: 'participant', scopes: ['manage', 'consume', 'publish'] } as const;

/** A day, or the day of an instant; the end of a span that is an instant is not part of it. */
const first = z.union([day, instant.transform((at) => dayOf(new Date(at)))]);
const last = z.union([day, instant.transform((at) => dayOf(new Date(Date.parse(at) - 1)))]);

/** What contracts gave and cost, the same for both parties. */
export const usageRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/usage',
    did: 'usage.told',
    ...party,
    query: paging.extend({
      contract: opaqueId('contract').optional(),
      from: first.optional(),
      to: last.optional(),
      by: z.literal('day').optional(),
    }),
    handle: async (deps, asked) => {
      const { contract, from, to, by } = asked.query;
      const span = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
      asked.note({ contract });
      return ok(await usageOf(deps, callerOf(asked), { contract, by, ...span }, pageOf(asked.query)));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/usage/statement',
    did: 'statement.told',
    ...party,
    query: z.strictObject({ contract: opaqueId('contract'), month }),
    handle: async (deps, asked) => {
      const { contract, month: of } = asked.query;
      asked.note({ contract, month: of });
      const statement = await statementOf(deps, callerOf(asked), contract, of);
      if (!/\btext\/csv\b/i.test(asked.headers['accept'] ?? '')) return ok(statement);
      return {
        status: 200,
        headers: {
          'content-type': 'text/csv; charset=utf-8; header=present',
          'content-disposition': `attachment; filename="statement-${contract}-${of}.csv"`,
        },
        text: statementCsv(statement),
      };
    },
  }),
];
