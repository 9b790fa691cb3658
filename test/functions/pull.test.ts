import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { identify, makeKey } from '../../domain/identify.ts';
import { messages } from '../../functions/pull/messages.ts';
import type { Work } from '../../functions/work.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import { flowInMemory, type MemoryFlow } from '../domain/deliver/flow.ts';
import { problemOf } from '../domain/mesh.ts';

const work: Work = { request: 'req-1', did: () => undefined, note: () => undefined, count: () => undefined };

let flow: MemoryFlow;
let subscription: Subscription;
let key: ReturnType<typeof makeKey>;
beforeEach(async () => {
  flow = flowInMemory();
  ({ subscription } = await flow.begins({
    subscription: { destination: { kind: 'pull', concurrency: 10 } },
  }));
  key = makeKey('app', flow.now(), randomBytes);
  await flow.has('key', key.item);
});

const asks = (path: string, body: object = {}) =>
  messages({ ...flow, sealer: flow.deps.sealer }, (authorization) => identify(flow, authorization))(
    {
      method: 'POST',
      path: `/v1/subscriptions/${path}`,
      headers: { authorization: `Bearer ${key.text}`, 'content-type': 'application/json' },
      query: {},
      body: Buffer.from(JSON.stringify(body)),
    } as never,
    work,
  );

describe('pulling by HTTP', () => {
  test('answers what was fetched', async () => {
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    const { status, json } = await asks(`${subscription.id}/messages/receive`, { max: 1 });
    expect([status, json]).toMatchObject([200, { messages: [{ leaseSeconds: 60 }] }]);
  });

  test.each(['constructor', 'toString', 'hasOwnProperty', '__proto__', 'nothing'])(
    'has no action %s',
    async (name) => {
      expect(await problemOf(asks(`${subscription.id}/messages/${name}`))).toMatchObject({
        kind: 'not-found',
      });
    },
  );

  test('finds nothing where the id is no text', async () => {
    expect(await problemOf(asks('%zz/messages/receive'))).toMatchObject({ kind: 'not-found' });
  });

  test('hands nothing to a key that was revoked while it waited', async () => {
    await flow.deliver(flow.matched(subscription, await flow.accepted()));
    const { receive } = flow.pullQueues;
    flow.pullQueues.receive = async (...asked) => {
      const leased = await receive(...asked);
      await flow.registry.write([{ do: 'remove', noun: 'key', id: key.item.id }]);
      return leased;
    };
    const asked = asks(`${subscription.id}/messages/receive`, { waitSeconds: 20 });
    expect(await problemOf(asked)).toMatchObject({ kind: 'unauthenticated' });
  });
});
