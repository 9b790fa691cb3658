import { beginUpload, getUpload } from '../../domain/uploads/begin.ts';
import { completeUpload } from '../../domain/uploads/complete.ts';
import { countOf, listParts } from '../../domain/uploads/parts.ts';
import { cancelUpload } from '../../domain/uploads/end.ts';
import { type Upload, uploadCompletion, uploadRequest } from '../../schemas/upload.ts';
import {
  type ApiDeps,
  callerOf,
  created,
  nothing,
  ok,
  pageOf,
  paging,
  part,
  route,
  type Route,
} from './route.ts';

/** How long the link to a report of refused rows is good for; asking again gives another. */
const REPORT_SECONDS = 60;

const publisher = { who: ['provider'], scopes: ['publish'] } as const;

/** Where the file is in the bucket, and what the clock still has to do, is the mesh's own. */
async function viewOf(
  { payloads }: Pick<ApiDeps, 'payloads'>,
  { name: _, swept: __, expires: ___, heldUntil: ____, parts, read, published, rows, ...rest }: Upload,
): Promise<object> {
  const view = {
    ...rest,
    ...(parts && { parts: { bytes: parts.bytes, count: countOf({ bytes: rest.bytes, parts }) } }),
    ...(read && { progress: { bytes: read.bytes, published: published?.bytes ?? 0 } }),
  };
  if (!rows) return view;
  const report = rows.report === undefined ? undefined : await payloads.link(rows.report, REPORT_SECONDS);
  return { ...view, rows: { ...rows, ...(report !== undefined && { report }) } };
}

/** Large data: put straight into the bucket, checked there, and an event from then on. */
export const uploadRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/uploads',
    did: 'upload.begun',
    ...publisher,
    body: uploadRequest,
    handle: async (deps, asked) => {
      const { upload, put } = await beginUpload(deps, callerOf(asked), asked.body);
      asked.note({ upload: upload.id, dataset: upload.dataset, bytes: upload.bytes });
      return created(deps, `/uploads/${upload.id}`, { ...(await viewOf(deps, upload)), ...(put && { put }) });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/uploads/{id}',
    did: 'upload.read',
    ...publisher,
    handle: async (deps, asked) =>
      ok(await viewOf(deps, await getUpload(deps, callerOf(asked), part(asked.path, 'id')))),
  }),
  route({
    method: 'GET',
    path: '/v1/uploads/{id}/parts',
    did: 'upload.parts-listed',
    ...publisher,
    query: paging,
    handle: async (deps, asked) =>
      ok(await listParts(deps, callerOf(asked), part(asked.path, 'id'), pageOf(asked.query))),
  }),
  route({
    method: 'POST',
    path: '/v1/uploads/{id}/complete',
    did: 'upload.completed',
    ...publisher,
    body: uploadCompletion,
    handle: async (deps, asked) => {
      const upload = await completeUpload(deps, callerOf(asked), part(asked.path, 'id'), asked.body);
      asked.note({ upload: upload.id, state: upload.state });
      return ok(await viewOf(deps, upload));
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/uploads/{id}',
    did: 'upload.cancelled',
    ...publisher,
    handle: async (deps, asked) => {
      await cancelUpload(deps, callerOf(asked), part(asked.path, 'id'));
      return nothing;
    },
  }),
];
