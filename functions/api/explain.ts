import * as z from 'zod';
import { explain } from '../../domain/explain/explain.ts';
import { opaqueId } from '../../schemas/ids.ts';
import { callerOf, ok, route, type Route } from './route.ts';

/** Why (not) me? */
export const explainRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/v1/explain',
    did: 'delivery.explained',
    who: 'participant',
    scopes: ['manage', 'consume', 'publish'],
    query: z.strictObject({
      source: z.string().min(1).max(2048),
      id: z.string().min(1).max(2048),
      subscription: opaqueId('subscription'),
    }),
    handle: async (deps, asked) => {
      const answer = await explain(deps, callerOf(asked), asked.query);
      asked.note({
        subscription: asked.query.subscription,
        outcome: answer.outcome,
        step: answer.decidedBy.step,
      });
      return ok(answer);
    },
  }),
];
