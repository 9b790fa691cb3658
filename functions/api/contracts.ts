import * as z from 'zod';
import { listContracts, readContract } from '../../domain/contracts/contracts.ts';
import { decide, type Decision } from '../../domain/contracts/decide.ts';
import { contractDocument, preferredType } from '../../domain/contracts/document.ts';
import { requestContract } from '../../domain/contracts/request.ts';
import { acceptance, contractRequest, contractState, extension, offering } from '../../schemas/contract.ts';
import { callerOf, created, emptyBody, flag, ok, pageOf, paging, part, route, type Route } from './route.ts';

const party = { who: 'participant', scopes: ['manage'] } as const;
const because = z.strictObject({ reason: z.string().min(1).max(2000) });
const contractQuery = paging.extend({
  dataset: z.string().optional(),
  state: contractState.optional(),
  role: z.enum(['provider', 'consumer']).optional(),
});

/** Each decision with what it needs; a route of its own for each. */
const DECISIONS = {
  offer: { body: offering, did: 'contract.offered' },
  accept: { body: acceptance, did: 'contract.accepted' },
  reject: { body: because, did: 'contract.rejected' },
  suspend: { body: because, did: 'contract.suspended' },
  terminate: { body: because, did: 'contract.terminated' },
  extend: { body: extension, did: 'contract.extension-asked' },
  resume: { body: emptyBody, did: 'contract.resumed' },
} as const;

/** Contracts and what their parties decide. */
export const contractRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/contracts',
    did: 'contract.requested',
    who: ['consumer'],
    scopes: ['manage'],
    body: contractRequest,
    query: z.strictObject({ dryRun: flag.default(false) }),
    handle: async (deps, asked) => {
      const { dryRun } = asked.query;
      const contract = await requestContract(deps, callerOf(asked), asked.body, { dryRun });
      asked.note({ contract: contract.id, dataset: contract.dataset, state: contract.state, dryRun });
      return dryRun ? ok(contract) : created(deps, `/contracts/${contract.id}`, contract);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/contracts',
    did: 'contracts.listed',
    ...party,
    query: contractQuery,
    handle: async (deps, asked) =>
      ok(await listContracts(deps.registry, callerOf(asked), asked.query, pageOf(asked.query))),
  }),
  route({
    method: 'GET',
    path: '/v1/contracts/{id}',
    did: 'contract.read',
    ...party,
    handle: async (deps, asked) =>
      ok(await readContract(deps.registry, callerOf(asked), part(asked.path, 'id'))),
  }),
  route({
    method: 'GET',
    path: '/v1/contracts/{id}/document',
    did: 'contract.documented',
    ...party,
    handle: async (deps, asked) => {
      const type = preferredType(asked.headers['accept']);
      const text = await contractDocument(deps, callerOf(asked), part(asked.path, 'id'), type);
      asked.note({ contract: part(asked.path, 'id'), type });
      return { status: 200, text, headers: { 'content-type': type, vary: 'accept' } };
    },
  }),
  ...Object.entries(DECISIONS).map(([action, { body, did }]) =>
    route({
      method: 'POST',
      path: `/v1/contracts/{id}/${action}`,
      did,
      ...party,
      body: body as z.ZodType<object>,
      handle: async (deps, asked) => {
        // Safe: the table gives each action the body that its decision has.
        const decision = { action, ...asked.body } as Decision;
        const contract = await decide(deps, callerOf(asked), part(asked.path, 'id'), decision);
        asked.note({ contract: contract.id, state: contract.state });
        return ok(contract);
      },
    }),
  ),
];
