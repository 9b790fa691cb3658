import * as z from 'zod';
import { endSubscription, patchSubscription, rotateSecret } from '../../domain/subscriptions/change.ts';
import {
  getDelivery,
  listDeliveries,
  recover,
  retryDelivery,
} from '../../domain/subscriptions/deliveries.ts';
import { consentLater, verifySubscription } from '../../domain/ownership/prove.ts';
import { subscribe } from '../../domain/subscriptions/subscribe.ts';
import {
  getSubscription,
  listSubscriptions,
  testSubscription,
} from '../../domain/subscriptions/subscriptions.ts';
import { deliveryStatus } from '../../schemas/delivery.ts';
import { instant } from '../../schemas/ids.ts';
import { subscriptionPatch, subscriptionRequest } from '../../schemas/subscription.ts';
import {
  callerOf,
  created,
  emptyBody,
  nothing,
  ok,
  pageOf,
  paging,
  part,
  route,
  type Route,
} from './route.ts';

const manager = { who: ['consumer'], scopes: ['manage'] } as const;
const reader = { who: ['consumer'], scopes: ['manage', 'consume'] } as const;

/**
 * Where a receiver that was asked whether it wants events says so later (CloudEvents HTTP webhook, section 4.2), with
 * whatever body: that of its POST is not told there.
 */
const consent = (method: 'GET' | 'POST'): Route =>
  route({
    method,
    path: '/v1/subscriptions/{id}/consent/{word}',
    did: 'subscription.consented',
    who: 'anyone',
    scopes: [],
    handle: async (deps, { path, headers }) =>
      ok(await consentLater(deps, part(path, 'id'), part(path, 'word'), headers['webhook-allowed-rate'])),
  });

/** Subscriptions and their deliveries. */
export const subscriptionRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/v1/subscriptions',
    did: 'subscription.made',
    ...manager,
    body: subscriptionRequest,
    handle: async (deps, asked) => {
      const made = await subscribe(deps, callerOf(asked), asked.body);
      const { id, contract } = made.subscription;
      asked.note({ subscription: id, contract });
      return created(deps, `/subscriptions/${id}`, made);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/subscriptions',
    did: 'subscriptions.listed',
    ...reader,
    query: paging,
    handle: async (deps, asked) =>
      ok(await listSubscriptions(deps.registry, callerOf(asked), pageOf(asked.query))),
  }),
  route({
    method: 'GET',
    path: '/v1/subscriptions/{id}',
    did: 'subscription.read',
    ...reader,
    handle: async (deps, asked) =>
      ok(await getSubscription(deps.registry, callerOf(asked), part(asked.path, 'id'))),
  }),
  route({
    method: 'PATCH',
    path: '/v1/subscriptions/{id}',
    did: 'subscription.changed',
    ...manager,
    body: subscriptionPatch,
    handle: async (deps, asked) =>
      ok(await patchSubscription(deps, callerOf(asked), part(asked.path, 'id'), asked.body)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/subscriptions/{id}',
    did: 'subscription.ended',
    ...manager,
    handle: async (deps, asked) => {
      await endSubscription(deps, callerOf(asked), part(asked.path, 'id'));
      return nothing;
    },
  }),
  route({
    method: 'POST',
    path: '/v1/subscriptions/{id}/test',
    did: 'subscription.tested',
    ...manager,
    body: emptyBody,
    handle: async (deps, asked) => ok(await testSubscription(deps, callerOf(asked), part(asked.path, 'id'))),
  }),
  route({
    method: 'POST',
    path: '/v1/subscriptions/{id}/verify',
    did: 'subscription.verified',
    ...manager,
    body: emptyBody,
    handle: async (deps, asked) =>
      ok(await verifySubscription(deps, callerOf(asked), part(asked.path, 'id'))),
  }),
  consent('GET'),
  consent('POST'),
  route({
    method: 'POST',
    path: '/v1/subscriptions/{id}/secret',
    did: 'secret.rotated',
    ...manager,
    body: emptyBody,
    handle: async (deps, asked) => ok(await rotateSecret(deps, callerOf(asked), part(asked.path, 'id'))),
  }),
  route({
    method: 'GET',
    path: '/v1/subscriptions/{id}/deliveries',
    did: 'deliveries.listed',
    ...reader,
    query: paging.extend({ status: deliveryStatus.optional(), since: instant.optional() }),
    handle: async (deps, asked) =>
      ok(
        await listDeliveries(deps, callerOf(asked), part(asked.path, 'id'), asked.query, pageOf(asked.query)),
      ),
  }),
  route({
    method: 'POST',
    path: '/v1/subscriptions/{id}/recover',
    did: 'deliveries.recovered',
    ...manager,
    query: paging.pick({ cursor: true }),
    body: z.strictObject({ since: instant }),
    handle: async (deps, asked) => {
      const { cursor } = asked.query;
      const done = await recover(deps, callerOf(asked), part(asked.path, 'id'), asked.body.since, cursor);
      asked.note({ recovered: done.recovered });
      return ok(done);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/deliveries/{id}',
    did: 'delivery.read',
    ...reader,
    handle: async (deps, asked) => ok(await getDelivery(deps, callerOf(asked), part(asked.path, 'id'))),
  }),
  route({
    method: 'POST',
    path: '/v1/deliveries/{id}/retry',
    did: 'delivery.retried',
    ...manager,
    body: emptyBody,
    handle: async (deps, asked) => ok(await retryDelivery(deps, callerOf(asked), part(asked.path, 'id'))),
  }),
];
