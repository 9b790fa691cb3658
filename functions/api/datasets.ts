import * as z from 'zod';
import { getDataset, getSchema, listDatasets, listSchemas } from '../../domain/datasets/datasets.ts';
import { etagOf, putDataset } from '../../domain/datasets/put.ts';
import { retireDataset } from '../../domain/datasets/retire.ts';
import { datasetRequest, retireRequest } from '../../schemas/dataset.ts';
import { readableId } from '../../schemas/ids.ts';
import { parseOrProblem } from '../../schemas/problem.ts';
import { callerOf, created, ok, pageOf, paging, part, route, type Route } from './route.ts';

const anyone = { who: 'anyone', scopes: [] } as const;
const datasetQuery = paging.extend({
  q: z.string().max(200).optional(),
  theme: z.string().optional(),
  provider: z.string().optional(),
  access: datasetRequest.shape.access.optional(),
});
const version = z.coerce.number().int().positive();

/** Datasets and the versions of their schemas. */
export const datasetRoutes: Route[] = [
  route({
    method: 'PUT',
    path: '/v1/datasets/{id}',
    did: 'dataset.put',
    who: ['provider'],
    scopes: ['manage'],
    body: datasetRequest,
    handle: async (deps, { path, body, headers, note, ...asked }) => {
      const id = parseOrProblem(readableId, part(path, 'id'), 'The id of the dataset');
      const caller = callerOf(asked);
      const put = await putDataset(deps, caller, id, body, headers['if-match']);
      note({ dataset: id, revision: put.dataset.revision });
      const etag = { etag: etagOf(put.dataset) };
      return put.created ? created(deps, `/datasets/${id}`, put.dataset, etag) : ok(put.dataset, etag);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/datasets/{id}/retire',
    did: 'dataset.retired',
    who: ['provider'],
    scopes: ['manage'],
    body: retireRequest,
    handle: async (deps, asked) => {
      const dataset = await retireDataset(deps, callerOf(asked), part(asked.path, 'id'), asked.body);
      asked.note({ dataset: dataset.id, status: dataset.status });
      return ok(dataset, { etag: etagOf(dataset) });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/datasets',
    did: 'datasets.listed',
    ...anyone,
    query: datasetQuery,
    handle: async (deps, { identity, query }) =>
      ok(await listDatasets(deps.registry, identity?.caller, query, pageOf(query))),
  }),
  route({
    method: 'GET',
    path: '/v1/datasets/{id}',
    did: 'dataset.read',
    ...anyone,
    handle: async (deps, { identity, path }) => {
      const dataset = await getDataset(deps.registry, identity?.caller, part(path, 'id'));
      return ok(dataset, { etag: etagOf(dataset) });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/datasets/{id}/types/{type}/schemas',
    did: 'schemas.listed',
    ...anyone,
    query: paging,
    handle: async (deps, { identity, path, query }) => {
      const of = { dataset: part(path, 'id'), type: part(path, 'type') };
      return ok(await listSchemas(deps.registry, identity?.caller, of, pageOf(query)));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/datasets/{id}/types/{type}/schemas/{version}',
    did: 'schema.read',
    ...anyone,
    handle: async (deps, { identity, path }) => {
      const number = parseOrProblem(version, part(path, 'version'), 'The number of the version');
      const of = { dataset: part(path, 'id'), type: part(path, 'type'), version: number };
      return ok(await getSchema(deps.registry, identity?.caller, of));
    },
  }),
];
