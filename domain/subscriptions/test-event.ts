import type { Attempt } from '../../schemas/delivery.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { attemptOf } from '../deliver/record.ts';
import { signingOf } from '../deliver/signing.ts';
import { webhookRequest } from '../deliver/wire.ts';
import { newId, type Random } from '../ids.ts';
import type { Clock, Sealer, Sender } from '../ports.ts';

/** The type of the event that tests a webhook. */
export const TEST_TYPE = 'maille.test.v1';

/** Sends test events as `deliver` sends events: signed, by the same sender, with the same time limit. */
export function testSender(deps: {
  send: Sender;
  sealer: Pick<Sealer, 'unseal' | 'derive'>;
  random: Random;
  now: Clock;
  territory: Pick<Territory, 'id' | 'webhookTimeout'>;
}): (subscription: Subscription, now: Date) => Promise<Attempt> {
  return async (subscription, at) => {
    const { destination } = subscription;
    if (destination.kind !== 'webhook') throw new ProblemError('conflict', 'Only webhooks can be tested');
    const id = newId('delivery', at, deps.random);
    const event = {
      specversion: '1.0' as const,
      id,
      source: `//${deps.territory.id}`,
      type: TEST_TYPE,
      subject: subscription.id,
      time: at.toISOString(),
      datacontenttype: 'application/json',
      data: { subscription: subscription.id, contract: subscription.contract, dataset: subscription.dataset },
    };
    const keys = await signingOf(deps.sealer, subscription, at);
    const timeoutMs = milliseconds(deps.territory.webhookTimeout);
    const answer = await deps.send(webhookRequest(destination, event, { ...keys, id, at, timeoutMs }));
    return attemptOf(answer, at, deps.now().getTime() - at.getTime());
  };
}
