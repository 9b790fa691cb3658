import * as z from 'zod';
import { listSetAside, redrive, SET_ASIDE } from '../../domain/dead-letters/redrive.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { emptyBody, ok, pageOf, paging, part, route, type Route } from './route.ts';

const operator = { who: ['operator'], scopes: ['manage'] } as const;
const queueName = z.enum(SET_ASIDE);

/** What was set aside, and how it is sent on its way again. */
export const deadLetterRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/dead-letters',
    did: 'dead-letters.listed',
    ...operator,
    query: paging,
    handle: async (deps, { query }) => ok(await listSetAside(deps, pageOf(query))),
  }),
  route({
    method: 'POST',
    path: '/v1/dead-letters/{queue}/redrive',
    did: 'dead-letters.redriven',
    ...operator,
    body: emptyBody,
    handle: async (deps, asked) => {
      const { data: queue } = queueName.safeParse(part(asked.path, 'queue'));
      if (!queue)
        throw new ProblemError('not-found', `There are the dead-letter queues ${SET_ASIDE.join(', ')}`);
      const done = await redrive(deps, queue);
      asked.note({ queue, redriven: done.redriven, unreadable: done.unreadable });
      return ok(done);
    },
  }),
];
