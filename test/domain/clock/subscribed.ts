import { subscribe } from '../../../domain/subscriptions/subscribe.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given, TYPE } from '../../given.ts';
import type { MemoryFlow } from '../deliver/flow.ts';

/** A subscription just made by its consumer, its rule put. */
export async function subscribed(flow: MemoryFlow, filter?: Record<string, unknown>): Promise<Subscription> {
  const contract = await flow.agrees();
  const { destination } = given.subscription();
  const request = { contract: contract.id, types: [TYPE], destination, ...(filter && { filter }) };
  const { subscription } = await subscribe(flow, given.caller('app'), request);
  return flow.subscription(subscription.id);
}
