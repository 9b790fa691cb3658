import * as z from 'zod';
import { getDataset, getSchema } from '../../domain/datasets/datasets.ts';
import { putSchema, withdrawPlan } from '../../domain/evolution/put-schema.ts';
import { jsonSchema } from '../../schemas/dataset.ts';
import { instant } from '../../schemas/ids.ts';
import { schemaPlanId } from '../../schemas/schema-plan.ts';
import { callerOf, flag, nothing, ok, part, route, type Route } from './route.ts';

const PATH = '/v1/datasets/{id}/types/{type}/schema';
const own = { who: ['provider'], scopes: ['manage'] } as const;
const ofType = (path: Record<string, string>) => ({ dataset: part(path, 'id'), type: part(path, 'type') });

/** The schema of a type: what is in force, what is announced, and how it changes. */
export const evolutionRoutes: Route[] = [
  route({
    method: 'GET',
    path: PATH,
    did: 'schema.read',
    who: 'anyone',
    scopes: [],
    handle: async (deps, { identity, path }) => {
      const { dataset: id, type } = ofType(path);
      const dataset = await getDataset(deps.registry, identity?.caller, id);
      const version = dataset.types.find((known) => known.type === type)?.schemaVersion ?? 0;
      const schema = await getSchema(deps.registry, identity?.caller, { dataset: id, type, version });
      const planned = await deps.registry.read('schemaPlan', schemaPlanId(id, type));
      return ok({ ...schema, ...(planned && { planned }) });
    },
  }),
  route({
    method: 'PUT',
    path: PATH,
    did: 'schema.put',
    ...own,
    body: jsonSchema,
    query: z.strictObject({
      dryRun: flag.default(false),
      effective: instant.optional(),
      days: z.coerce.number().int().min(0).max(90).default(7),
    }),
    handle: async (deps, asked) => {
      const { dataset, type } = ofType(asked.path);
      const { dryRun } = asked.query;
      const outcome = await putSchema(deps, callerOf(asked), { dataset, type }, asked.body, asked.query);
      asked.note({ dataset, type, outcome: outcome.status, dryRun });
      const { rehearsal, ...became } = outcome;
      const json = {
        status: became.status,
        ...('plan' in became ? became.plan : became.schema),
        ...(rehearsal && { rehearsal }),
      };
      return became.status === 'planned' ? { status: 202, json } : ok(json);
    },
  }),
  route({
    method: 'DELETE',
    path: PATH,
    did: 'schema.withdrawn',
    ...own,
    handle: async (deps, asked) => {
      await withdrawPlan(deps, callerOf(asked), ofType(asked.path));
      return nothing;
    },
  }),
];
