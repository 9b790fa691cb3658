import { explain } from '../../../domain/explain/explain.ts';
import type { Explanation } from '../../../domain/explain/explanation.ts';
import type { LedgerEntry } from '../../../domain/ports.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import { eventKey } from '../../../events/key.ts';
import type { Subscription } from '../../../schemas/subscription.ts';
import { given } from '../../given.ts';
import type { MemoryFlow } from '../deliver/flow.ts';

/** As whose the events of these tests are published. */
export const SOURCE = '//test/atmo';

/** An event in the ledger under its real key. */
export async function accepted(
  flow: MemoryFlow,
  more: Partial<CloudEvent> = {},
): Promise<LedgerEntry & { id: string }> {
  const event = given.event(more);
  const entry = given.entry({
    key: eventKey('school-air', event.source, event.id),
    sequence: flow.nextSequence(flow.now()),
    type: event.type,
    body: JSON.stringify(event),
  });
  await flow.ledger.append([entry]);
  return { ...entry, id: event.id };
}

/** Asks why an event came to a subscription, or did not. */
export const ask = (
  flow: MemoryFlow,
  { id: subscription }: Subscription,
  id: string,
  who = 'app',
  source = SOURCE,
): Promise<Explanation> => explain(flow, given.caller(who), { source, id, subscription });
