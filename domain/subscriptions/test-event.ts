import type { Attempt } from '../../schemas/delivery.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Subscription } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';
import { attemptOf } from '../deliver/record.ts';
import { signingOf } from '../deliver/signing.ts';
import { newId, type Random } from '../ids.ts';
import type { Clock, HandOver, Sealer } from '../ports.ts';

/** The type of the event that tests a destination. */
export const TEST_TYPE = 'maille.test.v1';

/** Sends test events as `deliver` sends events: signed where it signs, through the same port. */
export function testSender(deps: {
  handOver: HandOver;
  sealer: Pick<Sealer, 'unseal' | 'derive'>;
  random: Random;
  now: Clock;
  territory: Pick<Territory, 'id'>;
}): (subscription: Subscription, now: Date) => Promise<Attempt> {
  return async (subscription, at) => {
    const { destination } = subscription;
    if (destination.kind === 'pull') throw new ProblemError('conflict', 'What is pulled cannot be tested');
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
    const signing = await signingOf(deps.sealer, subscription, at);
    const parcels = [{ delivery: id, event }];
    const [handed] = await deps.handOver({ destination, parcels, signing, at });
    const answer = handed?.answer ?? { kind: 'no-answer', error: 'Nothing was said of the test event' };
    return attemptOf(answer, at, deps.now().getTime() - at.getTime());
  };
}
